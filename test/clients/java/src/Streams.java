import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.JoinWindows;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.StreamJoined;

/**
 * The driver of an application of Kafka Streams, which counts words, by way of a repartition topic, and joins two topics in a
 * window.
 */
public final class Streams {
    private static final Protocol.Stream STATE = new Protocol.Stream("streams", 0);

    private Streams() {}

    private static Topology topology() {
        var builder = new StreamsBuilder();
        var strings = Consumed.with(Serdes.String(), Serdes.String());
        var written = Produced.with(Serdes.String(), Serdes.String());
        builder.stream("words", strings)
                .groupBy((key, word) -> word, Grouped.with("by-word", Serdes.String(), Serdes.String()))
                .count(Materialized.as("count-of-words"))
                .toStream()
                .mapValues(String::valueOf)
                .to("counts", written);
        KStream<String, String> right = builder.stream("right", strings);
        builder.stream("left", strings)
                .join(
                        right,
                        (one, other) -> one + "+" + other,
                        JoinWindows.ofTimeDifferenceWithNoGrace(Duration.ofHours(1)),
                        StreamJoined.with(Serdes.String(), Serdes.String(), Serdes.String()))
                .to("joined", written);
        return builder.build();
    }

    /** Runs {"guarantee", "directory"} until it is told to stop. */
    private static ObjectNode run(String bootstrap, JsonNode ask) throws InterruptedException {
        var settings = new Properties();
        settings.put("application.id", "application-" + ask.get("guarantee").asText());
        settings.put("bootstrap.servers", bootstrap);
        settings.put("processing.guarantee", ask.get("guarantee").asText());
        settings.put("state.dir", ask.get("directory").asText());
        settings.put("commit.interval.ms", 100);
        settings.put("num.standby.replicas", 1);
        // How often it deletes from the repartition topic what it has read there.
        settings.put("repartition.purge.interval.ms", 200);
        // Each record is counted and told of by itself.
        settings.put("statestore.cache.max.bytes", 0);
        settings.put("session.timeout.ms", 6000);
        settings.put("heartbeat.interval.ms", 500);
        settings.put("auto.offset.reset", "earliest");
        settings.put("reconnect.backoff.max.ms", 500);
        try (var streams = new KafkaStreams(topology(), settings)) {
            streams.setUncaughtExceptionHandler(failure -> {
                System.err.println("a thread is replaced: " + failure);
                return StreamThreadExceptionResponse.REPLACE_THREAD;
            });
            streams.start();
            while (!STATE.stopped) Thread.sleep(100);
        }
        return Protocol.object();
    }

    private static ObjectNode stop(JsonNode ask) {
        STATE.stopped = true;
        return Protocol.object();
    }

    public static void main(String[] args) throws Exception {
        String bootstrap = args[args.length - 1];
        Protocol.serve(Map.of("streams", ask -> run(bootstrap, ask), "stop", Streams::stop));
    }
}
