// Validates PDF files with veraPDF: java -cp 'target/jars/*' Validate.java ua1,2a FILE...
//
// Prints one line for each file and standard: the file, the standard, how many checks were made, and
// each rule that the file breaks with its text. Tabs separate them.

import java.nio.file.Path;
import java.util.TreeSet;
import org.verapdf.gf.foundry.VeraGreenfieldFoundryProvider;
import org.verapdf.pdfa.Foundries;
import org.verapdf.pdfa.flavours.PDFAFlavour;
import org.verapdf.pdfa.results.TestAssertion;

public class Validate {
  private static final int FAILURES_OF_A_RULE = 1;

  public static void main(String[] arguments) throws Exception {
    VeraGreenfieldFoundryProvider.initialise();
    for (int position = 1; position < arguments.length; position++) {
      for (String standard : arguments[0].split(",")) {
        System.out.println(validated(arguments[position], standard));
      }
    }
  }

  private static String validated(String file, String standard) throws Exception {
    var flavour = PDFAFlavour.byFlavourId(standard);
    var foundry = Foundries.defaultInstance();
    try (var parser = foundry.createParser(Path.of(file).toFile(), flavour);
        var validator = foundry.createValidator(flavour, FAILURES_OF_A_RULE, false, true, false)) {
      var result = validator.validate(parser);
      var broken = new TreeSet<String>();
      for (TestAssertion check : result.getTestAssertions()) {
        var rule = check.getRuleId();
        var text = check.getMessage().replaceAll("\\s+", " ");
        broken.add("%s-%d %s".formatted(rule.getClause(), rule.getTestNumber(), text));
      }
      if (result.isCompliant() != broken.isEmpty()) {
        throw new IllegalStateException(file + ": " + result);
      }
      var counted = String.join("\t", file, standard, "" + result.getTotalAssertions());
      return broken.isEmpty() ? counted : counted + "\t" + String.join("\t", broken);
    }
  }
}
