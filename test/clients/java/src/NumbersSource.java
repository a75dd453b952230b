import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.apache.kafka.clients.producer.ProducerInterceptor;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.connector.Task;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.source.ConnectorTransactionBoundaries;
import org.apache.kafka.connect.source.ExactlyOnceSupport;
import org.apache.kafka.connect.source.SourceConnector;
import org.apache.kafka.connect.source.SourceRecord;
import org.apache.kafka.connect.source.SourceTask;

/**
 * A source connector whose output is known: each of its tasks writes the numbers from 0 to `count`, after its own number and a
 * hyphen, in transactions of two polls. Between them it aborts transactions of records that nobody is to see.
 *
 * A transaction ends in a poll of its own, some time after its last record. The Java producer (4.4.0, against any broker) looks
 * whether anything is unsent, and then for the end that is asked for; what is appended in between is in no transaction any more.
 * It is sent with a later one, or keeps that from ever ending. Of the offsets, which the worker commits by itself after an abort,
 * an interceptor sees to that: a transaction that ends without its only record is refused.
 */
public final class NumbersSource extends SourceConnector {
    private static final int PAUSE_MS = 20;

    private Map<String, String> settings;

    @Override
    public void start(Map<String, String> settings) {
        this.settings = settings;
    }

    @Override
    public void stop() {}

    @Override
    public Class<? extends Task> taskClass() {
        return Numbers.class;
    }

    @Override
    public List<Map<String, String>> taskConfigs(int tasks) {
        return IntStream.range(0, tasks)
                .mapToObj(task -> Map.of(
                        "task", Integer.toString(task),
                        "topic", settings.get("topic"),
                        "count", settings.get("count")))
                .toList();
    }

    @Override
    public ConfigDef config() {
        return new ConfigDef()
                .define("topic", ConfigDef.Type.STRING, ConfigDef.Importance.HIGH, "Where it writes to.")
                .define("count", ConfigDef.Type.INT, ConfigDef.Importance.HIGH, "How many numbers each task writes.");
    }

    @Override
    public ExactlyOnceSupport exactlyOnceSupport(Map<String, String> settings) {
        return ExactlyOnceSupport.SUPPORTED;
    }

    @Override
    public ConnectorTransactionBoundaries canDefineTransactionBoundaries(Map<String, String> settings) {
        return ConnectorTransactionBoundaries.SUPPORTED;
    }

    @Override
    public String version() {
        return "1";
    }

    /** Goes on where its predecessor's last committed transaction ended. */
    public static final class Numbers extends SourceTask {
        private static final int RECORDS_IN_A_POLL = 10;

        private String topic;
        private Map<String, String> place;
        private long count;
        private long next;
        private boolean isThrough;
        private int polls;

        @Override
        public void start(Map<String, String> settings) {
            topic = settings.get("topic");
            count = Long.parseLong(settings.get("count"));
            place = Map.of("task", settings.get("task"));
            Map<String, Object> offset = context.offsetStorageReader().offset(place);
            next = offset == null ? 0 : ((Number) offset.get("next")).longValue();
            isThrough = next == count;
        }

        @Override
        public List<SourceRecord> poll() throws InterruptedException {
            Thread.sleep(PAUSE_MS);
            if (isThrough) return null;
            switch (polls++ % 6) {
                case 0, 1:
                    return numbers();
                case 2:
                    context.transactionContext().commitTransaction();
                    isThrough = next == count;
                    return null;
                case 3, 4:
                    return IntStream.range(0, RECORDS_IN_A_POLL)
                            .mapToObj(index -> record("aborted-" + index))
                            .toList();
                default:
                    context.transactionContext().abortTransaction();
                    return null;
            }
        }

        /** Null where none are left. */
        private List<SourceRecord> numbers() {
            var records = new ArrayList<SourceRecord>();
            while (records.size() < RECORDS_IN_A_POLL && next < count) {
                next++;
                records.add(record(place.get("task") + "-" + (next - 1)));
            }
            return records.isEmpty() ? null : records;
        }

        private SourceRecord record(String text) {
            return new SourceRecord(
                    place, Map.of("next", next), topic, Schema.STRING_SCHEMA, text, Schema.STRING_SCHEMA, text);
        }

        @Override
        public void stop() {}

        @Override
        public String version() {
            return "1";
        }
    }

    /** Has the producer's I/O thread be done with what was before, when the offsets come. */
    public static final class UnhurriedOffsets implements ProducerInterceptor<byte[], byte[]> {
        @Override
        public ProducerRecord<byte[], byte[]> onSend(ProducerRecord<byte[], byte[]> record) {
            if (!record.topic().equals("connect-offsets")) return record;
            try {
                Thread.sleep(PAUSE_MS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            return record;
        }

        @Override
        public void onAcknowledgement(RecordMetadata metadata, Exception failure) {}

        @Override
        public void configure(Map<String, ?> settings) {}

        @Override
        public void close() {}
    }
}
