import java.util.Random;
import java.util.StringJoiner;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.metrics.MetricConfig;
import org.apache.kafka.common.metrics.stats.SimpleRate;

/**
 * Prints what Apache Kafka's SimpleRate measures of random traffic, one line for each course of it: [samples, the length of one in
 * seconds, steps], each step [milliseconds since the last one, bytes that come then, the rate after that]. java -cp "JARS/*" RateFacts.java
 */
public class RateFacts {
    public static void main(String[] args) {
        Random random = new Random(7);
        StringJoiner courses = new StringJoiner(",\n", "[\n", "\n]");
        for (int course = 0; course < 24; course++) {
            int samples = course % 3 == 0 ? 11 : 1 + random.nextInt(5);
            int seconds = 1 + random.nextInt(2);
            MetricConfig config = new MetricConfig().samples(samples).timeWindow(seconds, TimeUnit.SECONDS);
            SimpleRate rate = new SimpleRate();
            StringJoiner steps = new StringJoiner(",", "[", "]");
            long now = 5000;
            for (int step = 0; step < 40; step++) {
                int kind = random.nextInt(10);
                long passed = kind == 0 ? random.nextInt(30_000) : kind < 4 ? 0 : random.nextInt(1500);
                long bytes = random.nextInt(3) == 0 ? 0 : random.nextInt(1_000_000);
                now += passed;
                if (bytes > 0) rate.record(config, bytes, now);
                steps.add("[" + passed + "," + bytes + "," + rate.measure(config, now) + "]");
            }
            courses.add("[" + samples + "," + seconds + "," + steps + "]");
        }
        System.out.println(courses);
    }
}
