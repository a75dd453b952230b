import java.util.Random;
import java.util.StringJoiner;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.metrics.MeasurableStat;
import org.apache.kafka.common.metrics.MetricConfig;
import org.apache.kafka.common.metrics.Quota;
import org.apache.kafka.common.metrics.stats.Rate;
import org.apache.kafka.common.metrics.stats.SimpleRate;
import org.apache.kafka.common.metrics.stats.TokenBucket;

/**
 * Prints what Apache Kafka's SimpleRate, Rate and TokenBucket measure of random traffic, one line for each course of it: [samples, the
 * length of one in seconds, the quota, steps], each step [milliseconds since the last one, what comes then, SimpleRate, Rate, the
 * window that Rate spreads it over, TokenBucket]. java -cp "JARS/*" RateFacts.java
 */
public class RateFacts {
    public static void main(String[] args) {
        Random random = new Random(7);
        StringJoiner courses = new StringJoiner(",\n", "[\n", "\n]");
        for (int course = 0; course < 24; course++) {
            int samples = course % 3 == 0 ? 11 : 1 + random.nextInt(5);
            int seconds = 1 + random.nextInt(2);
            int quota = 10_000 + random.nextInt(1_000_000);
            MetricConfig config = new MetricConfig().samples(samples).timeWindow(seconds, TimeUnit.SECONDS)
                .quota(new Quota(quota, true));
            SimpleRate simple = new SimpleRate();
            Rate rate = new Rate();
            TokenBucket bucket = new TokenBucket();
            StringJoiner steps = new StringJoiner(",", "[", "]");
            long now = 1_700_000_000_000L;
            for (int step = 0; step < 40; step++) {
                int kind = random.nextInt(10);
                long passed = kind == 0 ? random.nextInt(30_000) : kind < 4 ? 0 : random.nextInt(1500);
                long amount = random.nextInt(3) == 0 ? 0 : random.nextInt(1_000_000);
                now += passed;
                for (MeasurableStat stat : new MeasurableStat[] {simple, rate, bucket}) {
                    if (amount > 0) stat.record(config, amount, now);
                }
                steps.add("[" + passed + "," + amount + "," + simple.measure(config, now) + "," + rate.measure(config, now)
                    + "," + rate.windowSize(config, now) + "," + bucket.measure(config, now) + "]");
            }
            courses.add("[" + samples + "," + seconds + "," + quota + "," + steps + "]");
        }
        System.out.println(courses);
    }
}
