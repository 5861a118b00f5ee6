// Reads events with the generated models and writes them again: on each line of the input the name of
// a model and an event. Usage: node rewrite.cjs FOLDER

const { readFileSync } = require("node:fs");

for (const line of readFileSync(0, "utf8").trim().split("\n")) {
  const [name, event] = line.split("\t");
  const model = require(`${process.argv[2]}/${name}.js`)[name];
  console.log(model.unmarshal(event).marshal());
}
