import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.utils.internals.Exit;

/** Runs the main methods of Apache Kafka's command-line tools, one at a time, as their scripts would. */
final class Tools {
    private Tools() {}

    /** Thrown in place of the process's end. */
    private static final class Ended extends Error {}

    private static final class Run {
        Integer status;
        final List<Runnable> hooks = new ArrayList<>();
    }

    /** Runs {"class", "args", "input"}; answers {"status", "output", "errors"}. */
    static synchronized ObjectNode run(JsonNode ask) throws Exception {
        var args = new String[ask.get("args").size()];
        for (int index = 0; index < args.length; index++) args[index] = ask.get("args").get(index).asText();
        var run = new Run();
        var output = new ByteArrayOutputStream();
        var errors = new ByteArrayOutputStream();
        PrintStream[] before = {System.out, System.err};
        InputStream input = System.in;
        Exit.Procedure end = (status, message) -> {
            if (run.status == null) run.status = status;
            throw new Ended();
        };
        Exit.setExitProcedure(end);
        Exit.setHaltProcedure(end);
        // A process's end runs them: the console producer closes its producer so.
        Exit.setShutdownHookAdder((name, hook) -> run.hooks.add(hook));
        try {
            System.setOut(new PrintStream(output, true, StandardCharsets.UTF_8));
            System.setErr(new PrintStream(errors, true, StandardCharsets.UTF_8));
            System.setIn(new ByteArrayInputStream(ask.path("input").asText("").getBytes(StandardCharsets.UTF_8)));
            Class.forName(ask.get("class").asText()).getMethod("main", String[].class).invoke(null, (Object) args);
        } catch (InvocationTargetException thrown) {
            if (!(thrown.getCause() instanceof Ended)) {
                thrown.getCause().printStackTrace(System.err);
                if (run.status == null) run.status = 1;
            }
        } finally {
            run.hooks.forEach(Runnable::run);
            System.setOut(before[0]);
            System.setErr(before[1]);
            System.setIn(input);
        }
        return Protocol.object()
                .put("status", run.status == null ? 0 : run.status)
                .put("output", output.toString(StandardCharsets.UTF_8))
                .put("errors", errors.toString(StandardCharsets.UTF_8));
    }
}
