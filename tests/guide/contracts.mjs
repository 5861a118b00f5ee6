// Reads the contracts as a JavaScript program would: strictly, and with ECMA's regular expressions.
// Of each schema it takes the example and refuses it without its data.

import { readFileSync, readdirSync } from "node:fs";
import Ajv from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

const folder = process.argv[2];
const files = readdirSync(folder);
for (const file of files) {
  const schema = JSON.parse(readFileSync(`${folder}/${file}`, "utf8"));
  const takes = addFormats(new Ajv({ strict: true })).compile(schema);
  const [example] = schema.examples;
  if (!takes(example)) throw new Error(`${file}: ${JSON.stringify(takes.errors)}`);
  if (takes({ ...example, data: undefined })) throw new Error(`${file}: takes an event without data`);
}
console.log(files.length);
