// Calls through the official SDK of Java for API 2022-02-22, com.aliyun:ess20220222, by its types:
// {endpoint, key, secret, token, action, params} comes as JSON on standard input, line by line;
// {reply} or {code, status} goes back, line by line.
import com.aliyun.ess20220222.Client;
import com.aliyun.tea.TeaException;
import com.aliyun.tea.TeaModel;
import com.aliyun.teaopenapi.models.Config;
import com.google.gson.Gson;
import com.google.gson.JsonObject;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.reflect.InvocationTargetException;
import java.util.Map;

class CallNewer {
    static final Gson GSON = new Gson();

    public static void main(String[] arguments) throws Exception {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            System.out.println(GSON.toJson(answerTo(GSON.fromJson(line, JsonObject.class))));
        }
    }

    static JsonObject answerTo(JsonObject ask) throws Exception {
        JsonObject answer = new JsonObject();
        try {
            answer.add("reply", GSON.toJsonTree(replyTo(ask)));
        } catch (InvocationTargetException wrapped) {
            if (!(wrapped.getCause() instanceof TeaException)) {
                throw wrapped;
            }
            TeaException error = (TeaException) wrapped.getCause();
            answer.addProperty("code", error.getCode());
            answer.addProperty("status", error.getStatusCode());
            answer.addProperty("message", error.getMessage());
        }
        return answer;
    }

    static Map<String, Object> replyTo(JsonObject ask) throws Exception {
        String action = text(ask, "action");
        Class<?> type = Class.forName("com.aliyun.ess20220222.models." + action + "Request");
        Map<String, ?> params = GSON.fromJson(ask.get("params"), Map.class);
        TeaModel request = TeaModel.toModel(params, (TeaModel) type.getDeclaredConstructor().newInstance());
        String method = action.substring(0, 1).toLowerCase() + action.substring(1);
        Object response = Client.class.getMethod(method, type).invoke(clientOf(ask), request);
        return ((TeaModel) response.getClass().getMethod("getBody").invoke(response)).toMap();
    }

    static Client clientOf(JsonObject ask) throws Exception {
        Config config = new Config()
            .setAccessKeyId(text(ask, "key"))
            .setAccessKeySecret(text(ask, "secret"))
            .setEndpoint(text(ask, "endpoint"))
            .setProtocol("http");
        String token = text(ask, "token");
        return new Client(token.isEmpty() ? config : config.setSecurityToken(token));
    }

    static String text(JsonObject ask, String name) {
        return ask.get(name).getAsString();
    }
}
