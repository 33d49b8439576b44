// decode.mjs FILE: decodes it, and prints how many rows it has and the sum of one field.
import { readFileSync } from "node:fs";

const { rows } = JSON.parse(readFileSync(process.argv[2], "utf8"));
console.log(rows.length, rows.reduce((sum, row) => sum + row.id, 0));
