// Calls through the official SDK of Java for API 2014-08-28, aliyun-java-sdk-core with -ess and -sts,
// by its types: {endpoint, key, secret, token, action, params} comes as JSON on standard input, line
// by line; {reply} or {code} goes back, line by line. The SDK's exceptions have no HTTP status.
import com.aliyuncs.AcsRequest;
import com.aliyuncs.AcsResponse;
import com.aliyuncs.DefaultAcsClient;
import com.aliyuncs.auth.BasicCredentials;
import com.aliyuncs.auth.BasicSessionCredentials;
import com.aliyuncs.exceptions.ClientException;
import com.aliyuncs.http.ProtocolType;
import com.aliyuncs.profile.DefaultProfile;
import com.google.gson.Gson;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.reflect.Method;
import java.util.Map;

class Call {
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
            answer.add("reply", GSON.toJsonTree(clientOf(ask).getAcsResponse(requestOf(ask))));
        } catch (ClientException error) {
            answer.addProperty("code", error.getErrCode());
            answer.addProperty("message", error.getErrMsg());
        }
        return answer;
    }

    static DefaultAcsClient clientOf(JsonObject ask) {
        String key = text(ask, "key"), secret = text(ask, "secret"), token = text(ask, "token");
        DefaultProfile profile = DefaultProfile.getProfile("cn-hangzhou");
        return token.isEmpty()
            ? new DefaultAcsClient(profile, new BasicCredentials(key, secret))
            : new DefaultAcsClient(profile, new BasicSessionCredentials(key, secret, token));
    }

    @SuppressWarnings("unchecked")
    static AcsRequest<AcsResponse> requestOf(JsonObject ask) throws Exception {
        String action = text(ask, "action");
        String models = action.equals("AssumeRole") ? "sts.model.v20150401" : "ess.model.v20140828";
        Class<?> type = Class.forName("com.aliyuncs." + models + "." + action + "Request");
        Object request = type.getDeclaredConstructor().newInstance();
        for (Map.Entry<String, JsonElement> entry : ask.getAsJsonObject("params").entrySet()) {
            set(request, entry.getKey(), entry.getValue());
        }
        AcsRequest<AcsResponse> made = (AcsRequest<AcsResponse>) request;
        made.setSysProtocol(ProtocolType.HTTP);
        made.setSysEndpoint(text(ask, "endpoint"));
        return made;
    }

    static void set(Object request, String name, JsonElement value) throws Exception {
        for (Method method : request.getClass().getMethods()) {
            if (method.getName().equals("set" + name)) {
                method.invoke(request, (Object) GSON.fromJson(value, method.getGenericParameterTypes()[0]));
                return;
            }
        }
        throw new NoSuchMethodException("set" + name);
    }

    static String text(JsonObject ask, String name) {
        return ask.get(name).getAsString();
    }
}
