// parallel.mjs URL N LIMIT: N requests, LIMIT at once, decoded, with node's own fetch. Prints the sum of their ids.
const [url, n, limit] = process.argv.slice(2);
let next = 1;
let total = 0;

async function work() {
  while (next <= Number(n)) {
    const reply = await fetch(`${url}/item/${next++}`);
    const item = await reply.json();
    total += item.id;
  }
}

await Promise.all(Array.from({ length: Number(limit) }, work));
console.log(total);
