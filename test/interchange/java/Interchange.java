import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.ScramCredentialInfo;
import org.apache.kafka.clients.admin.ScramMechanism;
import org.apache.kafka.clients.admin.UserScramCredentialUpsertion;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.KafkaShareConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.quota.ClientQuotaAlteration;
import org.apache.kafka.common.quota.ClientQuotaEntity;
import org.apache.kafka.common.quota.ClientQuotaFilter;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Writes to a broker and says all that it serves, with Apache Kafka's own client, so that what two brokers say of one
 * directory can be held against each other. Speaks the language of test/clients/java/src/Protocol.java.
 */
public final class Interchange {
    /** Producers of transactions that stay open: closing them would end the transactions. */
    private final List<KafkaProducer<byte[], byte[]>> open = new ArrayList<>();

    private static Map<String, Object> common(JsonNode ask) {
        return new HashMap<>(Map.of("bootstrap.servers", ask.get("bootstrap").asText()));
    }

    private static byte[] bytes(JsonNode node) {
        return node.isNull() ? null : node.asText().getBytes(StandardCharsets.UTF_8);
    }

    /**
     * Sends records [partition, timestamp, key, value, headers...], each header a pair, all in batches of at most
     * `batch` records. `transaction` names its producer's transactional id, `end` is commit, abort or open.
     */
    private ObjectNode produce(JsonNode ask) throws Exception {
        Map<String, Object> settings = common(ask);
        ask.path("settings").properties().forEach(each -> settings.put(each.getKey(), each.getValue().asText()));
        var serializer = new ByteArraySerializer();
        var producer = new KafkaProducer<>(settings, serializer, serializer);
        String end = ask.path("end").asText("");
        if (!end.isEmpty()) {
            producer.initTransactions();
            producer.beginTransaction();
        }
        var sent = new ArrayList<Future<?>>();
        int batch = ask.path("batch").asInt(Integer.MAX_VALUE);
        for (JsonNode each : ask.get("records")) {
            var record = new ProducerRecord<>(
                    ask.get("topic").asText(), each.get(0).asInt(), each.get(1).asLong(), bytes(each.get(2)), bytes(each.get(3)));
            for (int index = 4; index < each.size(); index++)
                record.headers().add(each.get(index).get(0).asText(), bytes(each.get(index).get(1)));
            sent.add(producer.send(record));
            if (sent.size() % batch == 0) producer.flush();
        }
        producer.flush();
        for (Future<?> each : sent) each.get();
        JsonNode offsets = ask.path("offsets");
        if (!offsets.isMissingNode()) {
            var group = new ConsumerGroupMetadata(offsets.get("group").asText());
            producer.sendOffsetsToTransaction(committed(offsets), group);
        }
        if (end.equals("open")) {
            open.add(producer);
            return Protocol.object();
        }
        if (end.equals("commit")) producer.commitTransaction();
        if (end.equals("abort")) producer.abortTransaction();
        producer.close();
        return Protocol.object();
    }

    private static Map<TopicPartition, OffsetAndMetadata> committed(JsonNode ask) {
        var place = new TopicPartition(ask.get("topic").asText(), 0);
        return Map.of(place, new OffsetAndMetadata(ask.get("offset").asLong(), "as of " + ask.get("offset")));
    }

    /** Reads some records of a topic as a member of a group and commits what was read. */
    private ObjectNode work(JsonNode ask) {
        Map<String, Object> settings = common(ask);
        settings.putAll(Map.of(
                "group.id", ask.get("group").asText(), "group.protocol", ask.get("protocol").asText(),
                "enable.auto.commit", false, "auto.offset.reset", "earliest", "max.poll.records", 7));
        int count = 0;
        try (var consumer = new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.subscribe(List.of(ask.get("topic").asText()));
            while (count < ask.get("count").asInt()) count += consumer.poll(Duration.ofMillis(500)).count();
            consumer.commitSync();
        }
        return Protocol.object().put("count", count);
    }

    /** Reads some records as a member of a share group, whose state then is in `__share_group_state`. */
    private ObjectNode share(JsonNode ask) throws Exception {
        Map<String, Object> settings = common(ask);
        try (var admin = Admin.create(settings)) {
            var group = new ConfigResource(ConfigResource.Type.GROUP, ask.get("group").asText());
            var earliest = new ConfigEntry("share.auto.offset.reset", "earliest");
            var set = List.of(new AlterConfigOp(earliest, AlterConfigOp.OpType.SET));
            admin.incrementalAlterConfigs(Map.of(group, set)).all().get();
        }
        settings.put("group.id", ask.get("group").asText());
        var topics = List.of(ask.get("topic").asText());
        int count = 0;
        var deserializer = new ByteArrayDeserializer();
        try (var consumer = new KafkaShareConsumer<>(settings, deserializer, deserializer)) {
            consumer.subscribe(topics);
            while (count < ask.get("count").asInt()) count += consumer.poll(Duration.ofMillis(500)).count();
            consumer.commitSync();
        }
        return Protocol.object().put("count", count);
    }

    /** Sets what only Apache Kafka acts upon: quotas, and names with passwords. */
    private ObjectNode settle(JsonNode ask) throws Exception {
        try (var admin = Admin.create(common(ask))) {
            var alice = new ClientQuotaEntity(Map.of(ClientQuotaEntity.USER, "alice"));
            var anybody = new HashMap<String, String>();
            anybody.put(ClientQuotaEntity.CLIENT_ID, null);
            admin.alterClientQuotas(List.of(
                    quota(alice, "producer_byte_rate", 1e6),
                    quota(new ClientQuotaEntity(anybody), "consumer_byte_rate", 2e6))).all().get();
            var info = new ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096);
            admin.alterUserScramCredentials(List.of(new UserScramCredentialUpsertion("bob", info, "secret"))).all().get();
        }
        return Protocol.object();
    }

    private static ClientQuotaAlteration quota(ClientQuotaEntity entity, String name, double value) {
        return new ClientQuotaAlteration(entity, List.of(new ClientQuotaAlteration.Op(name, value)));
    }

    /** What `settle` set, as far as a broker tells. */
    private ObjectNode settled(JsonNode ask) throws Exception {
        ObjectNode reply = Protocol.object();
        try (var admin = Admin.create(common(ask))) {
            var quotas = new TreeMap<String, String>();
            admin.describeClientQuotas(ClientQuotaFilter.all()).entities().get()
                    .forEach((entity, values) -> quotas.put(entity.toString(), new TreeMap<>(values).toString()));
            quotas.forEach(reply.putObject("quotas")::put);
            var users = new TreeMap<>(admin.describeUserScramCredentials().all().get());
            ObjectNode named = reply.putObject("users");
            users.forEach((name, user) -> named.put(name, user.credentialInfos().toString()));
        }
        return reply;
    }

    /** All that the broker says of the topics and groups asked for. */
    private ObjectNode observe(JsonNode ask) throws Exception {
        ObjectNode reply = Protocol.object();
        try (var admin = Admin.create(common(ask))) {
            var names = new ArrayList<String>();
            ask.get("topics").forEach(each -> names.add(each.asText()));
            var places = new ArrayList<TopicPartition>();
            ObjectNode topics = reply.putObject("topics");
            var described = new TreeMap<>(admin.describeTopics(names).allTopicNames().get());
            described.forEach((name, topic) -> {
                topics.put(name, topic.topicId().toString());
                topic.partitions().forEach(each -> places.add(new TopicPartition(name, each.partition())));
            });
            configs(admin, names, reply.putObject("configs"));
            for (IsolationLevel isolation : IsolationLevel.values())
                offsets(admin, places, isolation, reply.putObject(isolation + " offsets"), ask.get("timestamps"));
            ObjectNode groups = reply.putObject("groups");
            for (JsonNode group : ask.get("groups")) {
                ObjectNode offsets = groups.putObject(group.asText());
                var found = admin.listConsumerGroupOffsets(group.asText()).partitionsToOffsetAndMetadata().get();
                new TreeMap<>(byName(found)).forEach(offsets::put);
            }
            for (IsolationLevel isolation : IsolationLevel.values())
                records(ask, places, isolation, reply.putObject(isolation + " records"));
        }
        return reply;
    }

    private static Map<String, String> byName(Map<TopicPartition, OffsetAndMetadata> found) {
        var named = new HashMap<String, String>();
        found.forEach((place, at) -> named.put(
                place.toString(), at == null ? null : at.offset() + " " + at.leaderEpoch() + " " + at.metadata()));
        return named;
    }

    /** What was set for the topics themselves, not what a broker's own settings say. */
    private static void configs(Admin admin, List<String> names, ObjectNode into) throws Exception {
        var resources = names.stream().map(each -> new ConfigResource(ConfigResource.Type.TOPIC, each)).toList();
        for (var each : admin.describeConfigs(resources).all().get().entrySet()) {
            ObjectNode config = into.putObject(each.getKey().name());
            each.getValue().entries().stream()
                    .filter(entry -> entry.source().name().startsWith("DYNAMIC"))
                    .sorted((left, right) -> left.name().compareTo(right.name()))
                    .forEach(entry -> config.put(entry.name(), entry.source() + " " + entry.value()));
        }
    }

    private static void offsets(
            Admin admin, List<TopicPartition> places, IsolationLevel isolation, ObjectNode into, JsonNode timestamps)
            throws Exception {
        var specs = new TreeMap<String, OffsetSpec>(Map.of(
                "earliest", OffsetSpec.earliest(), "latest", OffsetSpec.latest(), "max", OffsetSpec.maxTimestamp()));
        var latest = new HashMap<TopicPartition, OffsetSpec>();
        for (TopicPartition place : places) latest.put(place, OffsetSpec.latest());
        var ends = admin.listOffsets(latest).all().get();
        for (JsonNode each : timestamps) specs.put(each.asText(), OffsetSpec.forTimestamp(each.asLong()));
        for (var spec : specs.entrySet()) {
            var asked = new HashMap<TopicPartition, OffsetSpec>();
            for (TopicPartition place : places) asked.put(place, spec.getValue());
            var options = new ListOffsetsOptions(isolation);
            var found = admin.listOffsets(asked, options).all().get();
            for (TopicPartition place : places) {
                var at = found.get(place);
                // The end has the leader's epoch, which every start of a broker makes a new one.
                boolean isEnd = spec.getKey().equals("latest") || at.offset() == ends.get(place).offset();
                String epoch = isEnd ? "" : " " + at.leaderEpoch();
                into.put(spec.getKey() + " of " + place, at.offset() + " " + at.timestamp() + epoch);
            }
        }
    }

    private static void records(JsonNode ask, List<TopicPartition> places, IsolationLevel isolation, ObjectNode into)
            throws Exception {
        Map<String, Object> settings = common(ask);
        settings.put("isolation.level", isolation.toString().toLowerCase());
        settings.put("auto.offset.reset", "none");
        settings.put("fetch.max.wait.ms", 100);
        var found = new HashMap<TopicPartition, ArrayNode>();
        for (TopicPartition place : places) found.put(place, into.putArray(place.toString()));
        try (var consumer = new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.assign(places);
            consumer.seekToBeginning(places);
            var ends = consumer.endOffsets(places);
            while (places.stream().anyMatch(each -> consumer.position(each) < ends.get(each))) {
                for (var record : consumer.poll(Duration.ofMillis(200)))
                    found.get(new TopicPartition(record.topic(), record.partition())).add(text(record));
            }
        }
    }

    private static String text(ConsumerRecord<byte[], byte[]> record) throws Exception {
        var text = new StringBuilder();
        text.append(record.offset()).append(' ').append(record.timestampType()).append(' ').append(record.timestamp());
        text.append(' ').append(text(record.key())).append(' ').append(text(record.value()));
        for (Header header : record.headers()) text.append(' ').append(header.key()).append('=').append(text(header.value()));
        return text.append(' ').append(record.leaderEpoch()).toString();
    }

    /** Bytes as text, long ones as their digest. */
    private static String text(byte[] bytes) throws Exception {
        if (bytes == null) return "null";
        if (bytes.length <= 64) return new String(bytes, StandardCharsets.UTF_8);
        return Base64.getEncoder().encodeToString(MessageDigest.getInstance("SHA-256").digest(bytes));
    }

    /** Producers with open transactions are gone with their process. */
    public static void main(String[] args) throws Exception {
        var interchange = new Interchange();
        Protocol.serve(Map.of(
                "produce", interchange::produce,
                "work", interchange::work,
                "share", interchange::share,
                "settle", interchange::settle,
                "settled", interchange::settled,
                "observe", interchange::observe));
    }
}
