// Makes models of the messages that the AsyncAPI document has: TypeScript into the first folder,
// Java into the second one. Usage: node models.mjs DOCUMENT TYPESCRIPT JAVA

import { readFileSync } from "node:fs";
import {
  JAVA_JACKSON_PRESET,
  JavaFileGenerator,
  TS_COMMON_PRESET,
  TypeScriptFileGenerator,
} from "@asyncapi/modelina";

const [file, typescript, java] = process.argv.slice(2);
const document = JSON.parse(readFileSync(file, "utf8"));

await new TypeScriptFileGenerator({
  modelType: "class",
  presets: [{ preset: TS_COMMON_PRESET, options: { marshalling: true } }],
}).generateToFiles(document, typescript, { exportType: "named" }, true);

await new JavaFileGenerator({ presets: [JAVA_JACKSON_PRESET] }).generateToFiles(
  document,
  java,
  { packageName: "smartregion" },
  true,
);
