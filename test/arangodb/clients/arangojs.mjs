// arangojs, unchanged, against the server at the first argument: what it says of
// its results is asserted here. Arguments: URL, user, password, folder that
// holds node_modules.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [url, username, password, folder] = process.argv.slice(2);
const require = createRequire(folder + "/");
const { Database, aql } = await import(pathToFileURL(require.resolve("arangojs")).href);

const fails = (num, code, promise) =>
  assert.rejects(promise, (e) => {
    assert.equal(e.errorNum, num, e.stack);
    assert.equal(e.code, code);
    return true;
  });

// Who asks.
const system = new Database({ url, auth: { username, password } });
assert.match((await system.version()).version, /^3\./);
await fails(11, 401, new Database({ url, auth: { username, password: "wrong" } }).version());
const byToken = new Database({ url });
await fails(401, 401, byToken.login(username, "wrong"));
await byToken.login(username, password);

// Databases and collections.
const made = await byToken.createDatabase("js");
assert.deepEqual(await byToken.databases().then((all) => all.map((d) => d.name)), ["_system", "js"]);
const db = made;
await fails(1228, 404, byToken.database("nowhere").get());
assert.equal(await byToken.database("nowhere").exists(), false);
const candles = await db.createCollection("candles");
assert.equal(await candles.exists(), true);
assert.equal((await candles.properties()).type, 2);
await fails(1207, 409, db.createCollection("candles"));
await fails(1203, 404, db.collection("other").count());
const index = await candles.ensureIndex({ type: "persistent", fields: ["t"] });
assert.equal(index.isNewlyCreated, true);
assert.equal((await candles.indexes()).length, 2);
await candles.dropIndex(index.id);

// Documents.
const saved = await candles.save({ _key: "a", close: 1.5 }, { returnNew: true });
assert.equal(saved.new.close, 1.5);
await fails(1210, 409, candles.save({ _key: "a" }));
await candles.update("a", { note: { x: 1 } });
await candles.update("a", { note: { y: 2 } });
assert.deepEqual((await candles.document("a")).note, { x: 1, y: 2 });
await candles.replace("a", { close: 3 });
assert.equal(await candles.documentExists("a"), true);
assert.equal(await candles.documentExists("b"), false);
await fails(1202, 404, candles.document("b"));
await fails(1200, 412, candles.replace("a", { close: 4 }, { ifMatch: saved._rev }));
const several = await candles.saveAll([{ _key: "b" }, { _key: "a" }]);
assert.equal(several[0]._key, "b");
assert.equal(several[1].errorNum, 1210);
assert.deepEqual((await candles.documents(["a", "b"])).map((d) => d._key), ["a", "b"]);
await candles.removeAll(["a", "b"]);
assert.equal((await candles.count()).count, 0);

// Imports.
const documents = Array.from({ length: 2500 }, (_, t) => ({ _key: String(t), t, close: t / 4 }));
assert.equal((await candles.import(documents)).created, 2500);
assert.equal((await candles.import([["_key", "t"], ["x", 1], ["y", 2]])).created, 2);
assert.equal((await candles.import([{ _key: "x" }], { onDuplicate: "ignore" })).ignored, 1);
const part = await candles.import([{ _key: "x" }, { _key: "z" }], { details: true });
assert.deepEqual([part.created, part.errors, part.details.length], [1, 1, 1]);
await fails(1210, 409, candles.import([{ _key: "w" }, { _key: "x" }], { complete: true }));
await candles.removeAll(["x", "y", "z"]);

// Queries.
const query = aql`FOR c IN ${candles} FILTER c.t >= ${10} SORT c.t RETURN c.t`;
const counted = await db.query(query, { count: true, batchSize: 100 });
assert.equal(counted.count, 2490);
assert.deepEqual(await counted.all(), documents.slice(10).map((d) => d.t));
const retried = await db.query("FOR c IN candles RETURN c.t", undefined, { batchSize: 300, stream: true, allowRetry: true });
const sizes = [];
for await (const batch of retried.batches) sizes.push(batch.length);
assert.deepEqual(sizes, [300, 300, 300, 300, 300, 300, 300, 300, 100]);
const left = await db.query("FOR c IN candles RETURN c", undefined, { batchSize: 10 });
await left.kill();
await fails(1501, 400, db.query("FOR c IN"));
await fails(1203, 404, db.query("FOR c IN nowhere RETURN c"));
assert.deepEqual((await db.parse("RETURN @a")).bindVars, ["a"]);

// Graphs.
const graph = db.graph("market");
assert.equal(await graph.exists(), false);
await fails(1924, 404, graph.get());
await graph.create([{ collection: "related", from: ["assets"], to: ["assets"] }], { orphanCollections: ["sectors"] });
assert.deepEqual((await graph.listVertexCollections()).sort(), ["assets", "sectors"]);
assert.deepEqual(await graph.listEdgeCollections(), ["related"]);
const assets = graph.vertexCollection("assets");
const related = graph.edgeCollection("related");
for (const _key of ["btc", "eth", "sol"]) await assets.save({ _key });
await assets.update("btc", { rank: 1 });
assert.equal((await assets.vertex("btc")).rank, 1);
const edge = await related.save({ _from: "assets/btc", _to: "assets/eth", weight: 0.5 });
await related.update(edge._key, { weight: 0.75 });
assert.equal((await related.edge(edge._key)).weight, 0.75);
assert.equal(await related.edgeExists("none"), false);
await fails(1202, 404, related.save({ _from: "assets/btc", _to: "assets/none" }));
assert.equal((await db.collection("related").edges("assets/eth")).edges.length, 1);
await assets.remove("btc");
assert.equal(await related.edgeExists(edge._key), false);
await graph.removeVertexCollection("sectors");
await graph.drop(true);
assert.equal(await db.collection("assets").exists(), false);

await candles.drop();
await byToken.dropDatabase("js");
system.close();
byToken.close();
console.log("arangojs");
