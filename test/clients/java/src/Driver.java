import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** The driver of the Java producer, consumer and admin client; it runs Apache's tools too. */
public final class Driver {
    private final String bootstrap;
    private final Map<String, Object> common;
    private final Admin admin;
    private final Map<String, Member> members = new ConcurrentHashMap<>();
    private final Map<String, Protocol.Stream> streams = new ConcurrentHashMap<>();

    private Driver(String bootstrap) throws IOException {
        this.bootstrap = bootstrap;
        common = common(Security.given());
        admin = Admin.create(common);
    }

    private Map<String, Object> common(JsonNode security) throws IOException {
        var settings = Security.settings(security);
        settings.put("bootstrap.servers", bootstrap);
        settings.put("reconnect.backoff.max.ms", 500);
        return settings;
    }

    private Map<String, Object> with(Object... more) {
        var all = new HashMap<>(common);
        for (int index = 0; index < more.length; index += 2) all.put((String) more[index], more[index + 1]);
        return all;
    }

    private KafkaConsumer<String, String> consumer(String group, Object... more) {
        var settings = with(more);
        settings.put("group.id", group);
        settings.putIfAbsent("enable.auto.commit", false);
        settings.put("auto.offset.reset", "earliest");
        settings.put("fetch.max.wait.ms", 200);
        return new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer());
    }

    private KafkaProducer<String, String> producer(Object... more) {
        return new KafkaProducer<>(with(more), new StringSerializer(), new StringSerializer());
    }

    private static String text(JsonNode node) {
        return node.isNull() ? null : node.asText();
    }

    private static void take(KafkaConsumer<String, String> consumer, Protocol.Taking taking) {
        while (!taking.done()) {
            for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(500))) {
                ArrayNode headers = Protocol.JSON.createArrayNode();
                for (Header header : record.headers())
                    headers.addArray().add(header.key()).add(new String(header.value(), StandardCharsets.UTF_8));
                taking.take(record.partition(), record.offset(), record.key(), record.value(), headers);
            }
        }
    }

    private ObjectNode create(JsonNode ask) throws Exception {
        // As many replicas as the brokers give a topic.
        var topic = new NewTopic(
                ask.get("topic").asText(), Optional.of(ask.get("partitions").asInt()), Optional.empty());
        admin.createTopics(List.of(topic)).all().get();
        return Protocol.object();
    }

    private ObjectNode produce(JsonNode ask) throws Exception {
        String topic = ask.get("topic").asText();
        try (var producer = producer("compression.type", ask.get("codec").asText(), "linger.ms", 20)) {
            var sent = new ArrayList<Future<?>>();
            for (JsonNode each : ask.get("records")) {
                var record = new ProducerRecord<>(topic, text(each.get(0)), text(each.get(1)));
                for (JsonNode header : each.get(2))
                    record.headers().add(header.get(0).asText(), header.get(1).asText().getBytes(StandardCharsets.UTF_8));
                sent.add(producer.send(record));
            }
            for (Future<?> each : sent) each.get();
        }
        return Protocol.object();
    }

    private ObjectNode consume(JsonNode ask) {
        String topic = ask.get("topic").asText();
        var taking = new Protocol.Taking(ask);
        try (var consumer = consumer(UUID.randomUUID().toString(), "isolation.level", "read_committed")) {
            var places = consumer.partitionsFor(topic).stream().map(each -> new TopicPartition(topic, each.partition()));
            consumer.assign(places.toList());
            consumer.seekToBeginning(consumer.assignment());
            take(consumer, taking);
        }
        return taking.reply();
    }

    private ObjectNode work(JsonNode ask) {
        String topic = ask.get("topic").asText();
        var taking = new Protocol.Taking(ask);
        try (var consumer = consumer(ask.get("group").asText())) {
            consumer.subscribe(List.of(topic));
            take(consumer, taking);
            var offsets = new HashMap<TopicPartition, OffsetAndMetadata>();
            taking.next.forEach((partition, next) ->
                    offsets.put(new TopicPartition(topic, partition), new OffsetAndMetadata(next)));
            consumer.commitSync(offsets);
        }
        return taking.reply();
    }

    private ObjectNode committed(JsonNode ask) throws Exception {
        ObjectNode reply = Protocol.object();
        ObjectNode offsets = reply.putObject("offsets");
        String topic = ask.get("topic").asText();
        var found = admin.listConsumerGroupOffsets(ask.get("group").asText()).partitionsToOffsetAndMetadata().get();
        found.forEach((place, offset) -> {
            if (place.topic().equals(topic)) offsets.put("" + place.partition(), offset.offset());
        });
        return reply;
    }

    private ObjectNode seek(JsonNode ask) {
        var taking = new Protocol.Taking(ask);
        try (var consumer = consumer(UUID.randomUUID().toString())) {
            var place = new TopicPartition(ask.get("topic").asText(), ask.get("partition").asInt());
            consumer.assign(List.of(place));
            consumer.seek(place, ask.get("offset").asLong());
            take(consumer, taking);
        }
        return taking.reply();
    }

    /** One member of a group, polling in a thread of its own. */
    private final class Member implements ConsumerRebalanceListener {
        private final String name;
        private final String topic;
        private final KafkaConsumer<String, String> consumer;
        private final Set<Integer> partitions = new HashSet<>();
        private final CountDownLatch gone = new CountDownLatch(1);
        private volatile boolean leaving;

        Member(JsonNode ask) {
            name = ask.get("member").asText();
            topic = ask.get("topic").asText();
            consumer = consumer(
                    ask.get("group").asText(),
                    "enable.auto.commit", true, "session.timeout.ms", 6000, "heartbeat.interval.ms", 500);
        }

        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> assigned) {
            for (TopicPartition each : assigned) partitions.add(each.partition());
            Protocol.assigned(name, partitions);
        }

        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> revoked) {
            for (TopicPartition each : revoked) partitions.remove(each.partition());
            Protocol.assigned(name, partitions);
        }

        void run() {
            try (consumer) {
                consumer.subscribe(List.of(topic), this);
                int count = 0;
                while (!leaving) {
                    int more = consumer.poll(Duration.ofMillis(200)).count();
                    count += more;
                    if (more > 0) Protocol.consumed(name, count);
                }
            } finally {
                gone.countDown();
            }
        }
    }

    private ObjectNode join(JsonNode ask) {
        var member = new Member(ask);
        members.put(member.name, member);
        var thread = new Thread(member::run);
        thread.setDaemon(true);
        thread.start();
        return Protocol.object();
    }

    private ObjectNode leave(JsonNode ask) throws Exception {
        Member member = members.get(ask.get("member").asText());
        member.leaving = true;
        member.gone.await();
        return Protocol.object();
    }

    private ObjectNode stream(JsonNode ask) throws Exception {
        String topic = ask.get("topic").asText();
        int pauseMs = ask.path("pauseMs").asInt(0);
        var stream = new Protocol.Stream(ask.get("stream").asText(), pauseMs);
        streams.put(ask.get("stream").asText(), stream);
        boolean idempotent = ask.get("idempotent").asBoolean();
        int inFlight = idempotent ? 5 : 1;
        try (var producer = producer(
                "enable.idempotence", idempotent,
                "max.in.flight.requests.per.connection", inFlight,
                "delivery.timeout.ms", 170_000)) {
            while (!stream.stopped) {
                stream.slots.acquire();
                int number = stream.sent++;
                String text = Integer.toString(number);
                producer.send(new ProducerRecord<>(topic, 0, text, text), (at, failure) -> stream.settle(number, failure));
                if (pauseMs > 0) Thread.sleep(pauseMs);
            }
        }
        return stream.reply();
    }

    /** Copies some records in a transaction of their own; tells whether it has committed them. */
    private static boolean copySome(
            KafkaProducer<String, String> producer,
            KafkaConsumer<String, String> consumer,
            ConsumerRecords<String, String> records,
            String target,
            boolean commits) {
        producer.beginTransaction();
        var offsets = new HashMap<TopicPartition, OffsetAndMetadata>();
        for (ConsumerRecord<String, String> record : records) {
            producer.send(new ProducerRecord<>(target, record.key(), record.value()));
            var place = new TopicPartition(record.topic(), record.partition());
            offsets.put(place, new OffsetAndMetadata(record.offset() + 1));
        }
        producer.sendOffsetsToTransaction(offsets, consumer.groupMetadata());
        if (commits) {
            producer.commitTransaction();
            return true;
        }
        producer.abortTransaction();
        for (TopicPartition place : records.partitions())
            consumer.seek(place, records.records(place).get(0).offset());
        return false;
    }

    private ObjectNode copy(JsonNode ask) {
        String name = ask.get("stream").asText();
        var stream = new Protocol.Stream(name, 0);
        streams.put(name, stream);
        int committed = 0;
        int transactions = 0;
        while (!stream.stopped) {
            try (var producer = producer("transactional.id", ask.get("transactional").asText());
                    var consumer = consumer(
                            ask.get("group").asText(),
                            "isolation.level", "read_committed",
                            "max.poll.records", 20,
                            "session.timeout.ms", 6000,
                            "heartbeat.interval.ms", 500)) {
                // Ends what was before it, so that what the group has committed by then is final.
                producer.initTransactions();
                consumer.subscribe(List.of(ask.get("source").asText()));
                while (!stream.stopped) {
                    var records = consumer.poll(Duration.ofMillis(200));
                    if (records.isEmpty()) continue;
                    boolean commits = ++transactions % 3 != 0;
                    if (copySome(producer, consumer, records, ask.get("target").asText(), commits))
                        Protocol.acked(name, committed += records.count());
                }
            } catch (KafkaException failure) {
                System.err.println("begins anew: " + failure);
            }
        }
        return Protocol.object();
    }

    private ObjectNode knock(JsonNode ask) throws IOException {
        var settings = common(ask.has("security") ? ask.get("security") : Security.given());
        ObjectNode reply = Protocol.object();
        try (var producer = new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
            producer.send(new ProducerRecord<>(ask.get("topic").asText(), "knock")).get();
            return reply.putNull("refusal");
        } catch (ExecutionException | InterruptedException | KafkaException failure) {
            return reply.put("refusal", failure.toString());
        }
    }

    private ObjectNode stop(JsonNode ask) {
        streams.get(ask.get("stream").asText()).stopped = true;
        return Protocol.object();
    }

    public static void main(String[] args) throws Exception {
        var driver = new Driver(args[args.length - 1]);
        Protocol.serve(Map.ofEntries(
                Map.entry("create", driver::create),
                Map.entry("produce", driver::produce),
                Map.entry("consume", driver::consume),
                Map.entry("work", driver::work),
                Map.entry("committed", driver::committed),
                Map.entry("seek", driver::seek),
                Map.entry("join", driver::join),
                Map.entry("leave", driver::leave),
                Map.entry("stream", driver::stream),
                Map.entry("stop", driver::stop),
                Map.entry("copy", driver::copy),
                Map.entry("knock", driver::knock),
                Map.entry("tool", Tools::run)));
    }
}
