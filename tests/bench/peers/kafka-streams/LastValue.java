import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerInterceptor;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.processor.StateRestoreListener;
import org.apache.kafka.streams.processor.api.FixedKeyProcessor;
import org.apache.kafka.streams.processor.api.FixedKeyProcessorContext;
import org.apache.kafka.streams.processor.api.FixedKeyRecord;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * Kafka Streams: parse each CloudEvent, keep the last value of its entity in memory, with a
 * changelog. A program of its own, which prints how many states it restored once it may process,
 * then how long its events took, and stays until ended.
 */
public final class LastValue {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Stopwatch STOPWATCH = new Stopwatch();
  private static long events;

  /** The arguments: cached or uncached, bootstrap servers, application id, topic, its events. */
  public static void main(String[] arguments) {
    boolean cached = arguments[0].equals("cached");
    String topic = arguments[3];
    events = Long.parseLong(arguments[4]);
    KafkaStreams streams = new KafkaStreams(topology(topic, cached), settings(arguments));
    Restored restored = new Restored();
    streams.setGlobalStateRestoreListener(restored);
    streams.setStateListener(
        (state, before) -> {
          if (state == KafkaStreams.State.RUNNING) {
            System.out.println("ready");
            System.out.println("restored " + restored.total);
          } else if (state == KafkaStreams.State.ERROR) {
            System.exit(1);
          }
        });
    streams.start();
  }

  private static Properties settings(String[] arguments) {
    Properties settings = new Properties();
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, arguments[1]);
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, arguments[2]);
    settings.put(
        StreamsConfig.STATE_DIR_CONFIG, Path.of(System.getenv("TMPDIR"), "streams").toString());
    settings.put(
        StreamsConfig.mainConsumerPrefix(ConsumerConfig.INTERCEPTOR_CLASSES_CONFIG),
        Commits.class.getName());
    return settings;
  }

  private static Topology topology(String topic, boolean cached) {
    Materialized<String, byte[], KeyValueStore<Bytes, byte[]>> latest =
        Materialized.<String, byte[]>as(Stores.inMemoryKeyValueStore("latest"))
            .withKeySerde(Serdes.String())
            .withValueSerde(Serdes.ByteArray());
    List<FixedKeyProcessorContext<String, byte[]>> tasks = new ArrayList<>();
    StreamsBuilder builder = new StreamsBuilder();
    builder.stream(topic, Consumed.with(Serdes.String(), Serdes.ByteArray()))
        .processValues(() -> new Parser(tasks))
        .groupByKey(Grouped.with(Serdes.String(), Serdes.ByteArray()))
        .reduce(
            (before, value) -> value,
            cached ? latest.withCachingEnabled() : latest.withCachingDisabled());
    return builder.build();
  }

  /** Parses; after the last event all tasks are committed, and not at the next interval. */
  private static final class Parser implements FixedKeyProcessor<String, byte[], byte[]> {
    private static long processed; // One thread processes all tasks.
    private final List<FixedKeyProcessorContext<String, byte[]>> tasks;
    private FixedKeyProcessorContext<String, byte[]> context;

    private Parser(List<FixedKeyProcessorContext<String, byte[]>> tasks) {
      this.tasks = tasks;
    }

    @Override
    public void init(FixedKeyProcessorContext<String, byte[]> context) {
      this.context = context;
      tasks.add(context);
    }

    @Override
    public void process(FixedKeyRecord<String, byte[]> record) {
      STOPWATCH.start();
      try {
        if (!JSON.readTree(record.value()).has("specversion")) {
          throw new IllegalArgumentException("not a CloudEvent: " + new String(record.value()));
        }
      } catch (IOException error) {
        throw new UncheckedIOException(error);
      }
      context.forward(record);
      processed++;
      if (processed == events) {
        tasks.forEach(FixedKeyProcessorContext::commit);
      }
    }
  }

  /** Stops the clock once the broker has acknowledged the offsets of all events. */
  public static final class Commits implements ConsumerInterceptor<byte[], byte[]> {
    private final Map<TopicPartition, Long> committed = new HashMap<>();

    @Override
    public void onCommit(Map<TopicPartition, OffsetAndMetadata> offsets) {
      offsets.forEach((partition, offset) -> committed.put(partition, offset.offset()));
      if (committed.values().stream().mapToLong(Long::longValue).sum() == events) {
        STOPWATCH.stop();
      }
    }

    @Override
    public ConsumerRecords<byte[], byte[]> onConsume(ConsumerRecords<byte[], byte[]> records) {
      return records;
    }

    @Override
    public void close() {}

    @Override
    public void configure(Map<String, ?> configuration) {}
  }

  /** The clock, and the processor time of the whole process, all threads of the JVM included. */
  private static final class Stopwatch {
    private final OperatingSystemMXBean process =
        (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    private long began;
    private long processors;

    private void start() {
      if (began == 0) {
        began = System.nanoTime();
        processors = process.getProcessCpuTime();
      }
    }

    private void stop() {
      double took = (System.nanoTime() - began) / 1e9;
      double ofProcessors = (process.getProcessCpuTime() - processors) / 1e9;
      System.out.printf(Locale.ROOT, "took %.3f s, of processors %.3f s%n", took, ofProcessors);
    }
  }

  /** Counts what is restored from the changelog. */
  private static final class Restored implements StateRestoreListener {
    private final AtomicLong total = new AtomicLong();

    @Override
    public void onRestoreStart(TopicPartition partition, String store, long start, long end) {}

    @Override
    public void onBatchRestored(TopicPartition partition, String store, long end, long count) {}

    @Override
    public void onRestoreEnd(TopicPartition partition, String store, long restored) {
      total.addAndGet(restored);
    }
  }
}
