import java.util.*;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.coordinator.group.GroupConfig;
import org.apache.kafka.server.config.AbstractKafkaConfig;
import org.apache.kafka.server.config.DynamicBrokerConfig;
import org.apache.kafka.server.config.DynamicConfig;
import org.apache.kafka.server.config.ServerTopicConfigSynonyms;
import org.apache.kafka.server.metrics.ClientMetricsConfigs;
import org.apache.kafka.storage.internals.log.LogConfig;

/**
 * Prints what Apache Kafka's own ConfigDefs say, one JSON object with a line for each setting:
 * java -cp "JARS/*" ConfigFacts.java. The settings test compares it with the registry.
 */
public class ConfigFacts {
    static String quoted(Object value) {
        if (value == null) return "null";
        StringBuilder out = new StringBuilder("\"");
        for (char c : value.toString().toCharArray()) {
            if (c == '"' || c == '\\') out.append('\\').append(c);
            else if (c < ' ') out.append(String.format("\\u%04x", (int) c));
            else out.append(c);
        }
        return out.append('"').toString();
    }

    static String lines(Map<String, ConfigDef.ConfigKey> keys, java.util.function.Function<String, String> more) {
        StringJoiner all = new StringJoiner(",\n", "[\n", "\n]");
        for (ConfigDef.ConfigKey key : new TreeMap<>(keys).values()) {
            String value = key.hasDefault() ? ConfigDef.convertToString(key.defaultValue, key.type) : null;
            all.add("{\"name\":" + quoted(key.name) + ",\"type\":" + quoted(key.type) + ",\"default\":" + quoted(value)
                + ",\"required\":" + !key.hasDefault() + ",\"internal\":" + key.internalConfig
                + ",\"importance\":" + quoted(key.importance) + ",\"validator\":"
                + quoted(key.validator == null ? null : key.validator.toString()) + more.apply(key.name) + "}");
        }
        return all.toString();
    }

    public static void main(String[] args) throws ReflectiveOperationException {
        Map<String, String> modes = DynamicBrokerConfig.dynamicConfigUpdateModes();
        Map<String, ConfigDef.ConfigKey> broker = new HashMap<>(DynamicConfig.Broker.configKeys());
        broker.putAll(AbstractKafkaConfig.CONFIG_DEF.configKeys());
        System.out.println("{\"broker\":" + lines(broker, name -> ",\"dynamic\":"
            + quoted(modes.getOrDefault(name, "read-only"))
            + ",\"onlyDynamic\":" + !AbstractKafkaConfig.CONFIG_DEF.names().contains(name)));
        System.out.println(",\"topic\":" + lines(LogConfig.configKeys(), name -> {
            StringJoiner synonyms = new StringJoiner(",", "[", "]");
            ServerTopicConfigSynonyms.ALL_TOPIC_CONFIG_SYNONYMS.getOrDefault(name, List.of())
                .forEach(synonym -> synonyms.add("{\"name\":" + quoted(synonym.name()) + ",\"ofOne\":"
                    + quoted(tried(synonym)) + "}"));
            return ",\"synonyms\":" + synonyms;
        }));
        System.out.println(",\"group\":" + lines(groupDefinition().configKeys(),
            name -> ",\"synonym\":" + quoted(GroupConfig.brokerSynonym(name).orElse(null))));
        System.out.println(",\"clientMetrics\":" + lines(ClientMetricsConfigs.configDef().configKeys(), name -> ""));
        System.out.println("}");
    }

    /** The group settings' ConfigDef is the only one that isn't public. */
    static ConfigDef groupDefinition() throws ReflectiveOperationException {
        for (var field : GroupConfig.class.getDeclaredFields()) {
            if (field.getType() == ConfigDef.class) {
                field.setAccessible(true);
                return (ConfigDef) field.get(null);
            }
        }
        throw new NoSuchFieldException("GroupConfig has no ConfigDef");
    }

    /** What the synonym's unit makes of 1. */
    static String tried(org.apache.kafka.server.config.ConfigSynonym synonym) {
        return synonym.converter().apply("1");
    }
}
