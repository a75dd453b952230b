import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.Semaphore;

/**
 * The driver's language as driver.ts describes it: commands from standard input, each run in a thread of its own, answers
 * and events to standard output. The output is kept apart from System.out, which the tools write to.
 */
final class Protocol {
    static final ObjectMapper JSON = new ObjectMapper();
    private static final PrintStream OUTPUT =
            new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);

    private Protocol() {}

    /** A command: what was asked to what is answered. */
    interface Command {
        ObjectNode run(JsonNode ask) throws Exception;
    }

    static void say(JsonNode line) {
        synchronized (OUTPUT) {
            OUTPUT.println(line);
        }
    }

    static ObjectNode object() {
        return JSON.createObjectNode();
    }

    static void assigned(String member, Collection<Integer> partitions) {
        ObjectNode event = object().put("event", "assigned").put("member", member);
        ArrayNode list = event.putArray("partitions");
        new TreeSet<>(partitions).forEach(list::add);
        say(event);
    }

    static void consumed(String member, int count) {
        say(object().put("event", "consumed").put("member", member).put("count", count));
    }

    static void acked(String stream, int count) {
        say(object().put("event", "acked").put("stream", stream).put("count", count));
    }

    /** Serves commands until standard input ends; then the process ends at once. */
    static void serve(Map<String, Command> commands) throws Exception {
        var input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            JsonNode ask = JSON.readTree(line);
            var thread = new Thread(() -> answer(commands.get(ask.get("do").asText()), ask));
            thread.setDaemon(true);
            thread.start();
        }
        Runtime.getRuntime().halt(0);
    }

    private static void answer(Command command, JsonNode ask) {
        ObjectNode reply;
        try {
            reply = command.run(ask);
        } catch (Throwable failure) {
            failure.printStackTrace();
            reply = object().put("error", failure.toString());
        }
        reply.set("id", ask.get("id"));
        say(reply);
    }

    /** Collects records to a count or to the first of a value. */
    static final class Taking {
        final ArrayNode records = JSON.createArrayNode();
        final Map<Integer, Long> next = new HashMap<>();
        private final int count;
        private final String until;
        private boolean done;

        Taking(JsonNode ask) {
            count = ask.path("count").asInt(-1);
            until = ask.path("until").asText(null);
        }

        boolean done() {
            return done;
        }

        /** Takes a record unless there are enough. */
        void take(int partition, long offset, String key, String value, ArrayNode headers) {
            if (done) return;
            records.addArray().add(partition).add(offset).add(key).add(value).add(headers);
            next.put(partition, offset + 1);
            done = records.size() == count || until != null && until.equals(value);
        }

        ObjectNode reply() {
            ObjectNode reply = object();
            reply.set("records", records);
            return reply;
        }
    }

    /** A producer's stream of numbers, at most 500 in flight. */
    static final class Stream {
        final Semaphore slots = new Semaphore(500);
        volatile boolean stopped;
        int sent;
        private int count;
        private final String name;
        private final int toldBy;
        private final ArrayNode failed = JSON.createArrayNode();

        Stream(String name, int pauseMs) {
            this.name = name;
            toldBy = pauseMs > 0 ? 5 : 100;
        }

        synchronized void settle(int number, Exception failure) {
            slots.release();
            if (failure != null) {
                System.err.println("not sent: " + number + ": " + failure);
                failed.add(number);
            } else if (++count % toldBy == 0) {
                acked(name, count);
            }
        }

        synchronized ObjectNode reply() {
            ObjectNode reply = object().put("sent", sent);
            reply.set("failed", failed);
            return reply;
        }
    }
}
