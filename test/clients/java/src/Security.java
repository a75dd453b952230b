import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/** What the Java clients are told of a connection's protection, which security.ts describes. */
final class Security {
    private static final String OAUTH = "org.apache.kafka.common.security.oauthbearer.";
    private static final String ALLOWED = "org.apache.kafka.sasl.oauthbearer.allowed.urls";

    private Security() {}

    /** What the environment says; null without protection. */
    static JsonNode given() throws IOException {
        String given = System.getenv("OTTLA_CLIENT_SECURITY");
        return given == null ? null : Protocol.JSON.readTree(given);
    }

    static Map<String, Object> settings(JsonNode security) throws IOException {
        var settings = new HashMap<String, Object>();
        if (security == null) return settings;
        settings.put("security.protocol", security.get("protocol").asText());
        settings.put("ssl.truststore.type", "PEM");
        settings.put("ssl.truststore.location", security.get("ca").asText());
        if (security.has("cert")) {
            settings.put("ssl.keystore.type", "PEM");
            settings.put("ssl.keystore.certificate.chain", Files.readString(Path.of(security.get("cert").asText())));
            settings.put("ssl.keystore.key", Files.readString(Path.of(security.get("key").asText())));
        }
        if (!security.has("mechanism")) return settings;
        String mechanism = security.get("mechanism").asText();
        settings.put("sasl.mechanism", mechanism);
        if (mechanism.equals("OAUTHBEARER")) {
            String token = Path.of(security.get("token").asText()).toUri().toString();
            allow(token);
            settings.put("sasl.jaas.config", OAUTH + "OAuthBearerLoginModule required;");
            settings.put("sasl.login.callback.handler.class", OAUTH + "OAuthBearerLoginCallbackHandler");
            settings.put("sasl.oauthbearer.token.endpoint.url", token);
            return settings;
        }
        String module = mechanism.equals("PLAIN") ? "plain.PlainLoginModule" : "scram.ScramLoginModule";
        settings.put(
                "sasl.jaas.config",
                "org.apache.kafka.common.security.%s required username=\"%s\" password=\"%s\";"
                        .formatted(module, security.get("user").asText(), security.get("password").asText()));
        return settings;
    }

    /** Of addresses the client takes tokens only from those that this property names (KIP-1139). */
    private static synchronized void allow(String address) {
        String allowed = System.getProperty(ALLOWED);
        System.setProperty(ALLOWED, allowed == null ? address : allowed + "," + address);
    }
}
