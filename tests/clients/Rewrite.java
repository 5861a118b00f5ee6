// Reads events with the generated models and writes them again: on each line of the input the name of
// a model and an event.

import com.fasterxml.jackson.databind.JavaType;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.cfg.MapperConfig;
import com.fasterxml.jackson.databind.introspect.AnnotatedClass;
import com.fasterxml.jackson.databind.introspect.JacksonAnnotationIntrospector;
import com.fasterxml.jackson.databind.jsontype.TypeResolverBuilder;
import com.fasterxml.jackson.datatype.jsr310.JavaTimeModule;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

public class Rewrite {
  public static void main(String[] arguments) throws Exception {
    ObjectMapper mapper =
        new ObjectMapper()
            .registerModule(new JavaTimeModule())
            .disable(SerializationFeature.WRITE_DATES_AS_TIMESTAMPS);
    // All messages of a channel are of one interface too, and Jackson is to guess which one it reads:
    // it cannot, and need not where the model is known.
    ObjectMapper reader =
        mapper
            .copy()
            .setAnnotationIntrospector(
                new JacksonAnnotationIntrospector() {
                  @Override
                  public TypeResolverBuilder<?> findTypeResolver(
                      MapperConfig<?> config, AnnotatedClass type, JavaType base) {
                    return null;
                  }
                });
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      String[] parts = line.split("\t", 2);
      Object event = reader.readValue(parts[1], Class.forName("smartregion." + parts[0]));
      out.println(mapper.writeValueAsString(event));
    }
  }
}
