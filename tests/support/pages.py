"""What is judged inside a page, as JavaScript for a browser."""

from __future__ import annotations

# Collects what is drawn, but the clock and the chart, as window.changes.
WATCH = """() => {
    window.changes = [];
    const nameOf = (node) => {
        const one = node.nodeType === 1 ? node : node.parentElement;
        const row = one?.closest('[role=row]');
        return row ? `row ${row.querySelector('.mono')?.textContent}`
            : one?.closest('[id], [class]')?.className || one?.nodeName;
    };
    new MutationObserver((records) => {
        for (const { target } of records) {
            const one = target.nodeType === 1 ? target : target.parentElement;
            if (!one?.closest('#now, svg')) window.changes.push(nameOf(target));
        }
    }).observe(document.body, { subtree: true, childList: true, attributes: true,
        characterData: true });
}"""

# Lists controls and images that have no name.
NAMELESS = """() => [...document.querySelectorAll(
        'button, input, select, textarea, a[href], [role=img], [role=grid], [role=progressbar]')]
    .filter((one) => one.checkVisibility())
    .filter((one) => !(one.textContent.trim() || one.getAttribute('aria-label')
        || one.labels?.length))
    .map((one) => one.outerHTML.slice(0, 120))"""

# Lists texts whose contrast with their ground is too low.
CONTRASTS = """() => {
    const parts = (text) => {
        const numbers = text.match(/[0-9.]+/g).map(Number);
        return { rgb: numbers.slice(0, 3), alpha: numbers[3] ?? 1 };
    };
    const luminance = ({ rgb }) => {
        const [red, green, blue] = rgb.map((value) => value / 255)
            .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const groundOf = (one) => {
        for (let at = one; at; at = at.parentElement) {
            const ground = parts(getComputedStyle(at).backgroundColor);
            if (ground.alpha === 1) return ground;
        }
        return { rgb: [255, 255, 255] };
    };
    const low = new Set();
    for (const one of document.querySelectorAll('body *')) {
        const isText = [...one.childNodes].some((node) => node.nodeType === 3
            && node.textContent.trim());
        if (!isText || !one.checkVisibility() || one.closest(':disabled, svg, .skip, noscript')) {
            continue;
        }
        const style = getComputedStyle(one);
        const [dark, light] = [luminance(parts(style.color)), luminance(groundOf(one))]
            .sort((a, b) => a - b);
        const contrast = (light + 0.05) / (dark + 0.05);
        const size = parseFloat(style.fontSize);
        const least = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
        if (contrast < least) {
            low.add(`${one.className} "${one.textContent.slice(0, 20)}" ${contrast.toFixed(2)}`);
        }
    }
    return [...low];
}"""

# Returns how long the page was busy at once, in milliseconds; 0 for less than 50.
LONGEST_TASK = """() => new Promise((resolve) => {
    const longest = (list) => Math.max(...list.getEntries().map((entry) => entry.duration));
    const observer = new PerformanceObserver((list) => resolve(longest(list)));
    observer.observe({ type: 'longtask', buffered: true });
    setTimeout(() => resolve(0), 500);
})"""
