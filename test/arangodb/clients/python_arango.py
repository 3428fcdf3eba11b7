"""python-arango, unchanged, against the server at argv[1]: what it says of its
results is asserted here. argv: URL, user, password.
"""

import importlib.metadata
import sys

from arango import ArangoClient
from arango.exceptions import (
    AQLQueryExecuteError,
    CollectionCreateError,
    CursorNextError,
    DatabaseListError,
    DocumentCountError,
    DocumentInsertError,
    DocumentRevisionError,
    GraphPropertiesError,
    JWTAuthError,
    ServerVersionError,
)

url, user, password = sys.argv[1:]
client = ArangoClient(hosts=url)


def fails(error, status, number, f, *args, **kwargs):
    try:
        f(*args, **kwargs)
    except error as e:
        assert (e.http_code, e.error_code) == (status, number), (e.http_code, e.error_code, e)
    else:
        raise AssertionError(f"no {error.__name__}")


# Who asks.
system = client.db("_system", username=user, password=password, verify=True)
assert system.version().startswith("3.")
fails(DatabaseListError, 401, 11, client.db("_system", username=user, password="wrong").databases)
fails(JWTAuthError, 401, 401, client.db, "_system", username=user, password="wrong", auth_method="jwt")
assert client.db("_system", username=user, password=password, auth_method="jwt").databases() == ["_system"]

# Databases and collections.
assert system.create_database("python") and system.has_database("python")
db = client.db("python", username=user, password=password, auth_method="jwt")
assert db.properties()["name"] == "python"
fails(ServerVersionError, 404, 1228, client.db("nowhere", username=user, password=password).version)
candles = db.create_collection("candles")
assert db.has_collection("candles") and not db.has_collection("other")
assert candles.properties()["edge"] is False
fails(CollectionCreateError, 409, 1207, db.create_collection, "candles")
fails(DocumentCountError, 404, 1203, db.collection("other").count)
index = candles.add_persistent_index(fields=["symbol", "t"])
assert [i["type"] for i in candles.indexes()] == ["primary", "persistent"]
assert candles.delete_index(index["id"])

# Documents.
meta = candles.insert({"_key": "a", "close": 1.5, "symbol": "BTC"})
assert meta["_id"] == "candles/a"
fails(DocumentInsertError, 409, 1210, candles.insert, {"_key": "a"})
assert candles.insert({"_key": "a", "close": 2}, overwrite_mode="update", return_new=True)["new"]["symbol"] == "BTC"
fails(DocumentRevisionError, 412, 1200, candles.get, {"_key": "a", "_rev": meta["_rev"]})
assert candles.get("a")["close"] == 2 and candles.get("b") is None and candles.has("a")
candles.update({"_key": "a", "note": {"x": 1}})
candles.update({"_key": "a", "note": {"y": 2}})
assert candles.get("a")["note"] == {"x": 1, "y": 2}
candles.replace({"_key": "a", "close": 3})
assert set(candles.get("a")) == {"_key", "_id", "_rev", "close"}
several = candles.insert_many([{"_key": "b"}, {"_key": "a"}])
assert several[0]["_key"] == "b" and several[1].error_code == 1210
assert [d["_key"] for d in candles.get_many(["a", "b"])] == ["a", "b"]
assert candles.delete("b") and candles.delete("b", ignore_missing=True) is False
assert candles.truncate() and candles.count() == 0

# Imports.
documents = [{"_key": str(i), "t": i, "close": i / 4, "symbol": "BTC" if i % 2 else "ETH"} for i in range(2500)]
assert candles.import_bulk(documents)["created"] == 2500
assert candles.import_bulk(documents[:2], on_duplicate="ignore")["ignored"] == 2
assert candles.import_bulk([{"_key": "0", "extra": 1}], on_duplicate="update")["updated"] == 1
assert candles.get("0")["close"] == 0 and candles.get("0")["extra"] == 1
assert candles.import_bulk([{"_key": "0", "t": 0, "close": 0, "symbol": "ETH"}], on_duplicate="replace")["updated"] == 1
assert "extra" not in candles.get("0")
result = candles.import_bulk([{"_key": "0"}, {"_key": "new"}], halt_on_error=False)
assert (result["created"], result["errors"]) == (1, 1) and len(result["details"]) == 1
fails(DocumentInsertError, 409, 1210, candles.import_bulk, [{"_key": "newer"}, {"_key": "0"}], halt_on_error=True)
assert not candles.has("newer")
candles.delete("new")

# Queries.
query = "FOR c IN @@c FILTER c.symbol == @s SORT c.t DESC RETURN {key: c._key, close: c.close}"
cursor = db.aql.execute(query, bind_vars={"@c": "candles", "s": "BTC"}, batch_size=100, count=True)
assert cursor.count() == 1250 and cursor.has_more() and len(cursor.batch()) == 100
read = list(cursor)
assert [r["key"] for r in read] == [str(i) for i in range(2499, 0, -2)] and read[0]["close"] == 2499 / 4
cursor = db.aql.execute("FOR c IN candles RETURN c", batch_size=7, stream=True)
next(cursor)
assert cursor.close()
fails(CursorNextError, 404, 1600, lambda: list(cursor))
cursor = db.aql.execute("FOR c IN candles SORT c.t RETURN c.t", batch_size=1000, stream=True, allow_retry=True)
assert list(cursor) == list(range(2500)) and cursor.close()
cursor = db.aql.execute("FOR c IN candles FILTER c.t >= 10 SORT c.t LIMIT 5 RETURN c.t", full_count=True)
assert list(cursor) == [10, 11, 12, 13, 14] and cursor.statistics()["fullCount"] == 2490
fails(AQLQueryExecuteError, 400, 1501, db.aql.execute, "FOR c IN")
fails(AQLQueryExecuteError, 404, 1203, db.aql.execute, "FOR c IN nowhere RETURN c")
fails(AQLQueryExecuteError, 400, 1551, db.aql.execute, "RETURN @a")
fails(AQLQueryExecuteError, 400, 1552, db.aql.execute, "RETURN 1", bind_vars={"a": 1})
assert db.aql.validate("FOR c IN @@c RETURN c")["bind_vars"] == ["@c"]

# What the collection asks in AQL of its own.
assert len(list(candles.all(limit=10))) == 10 and len(list(candles.keys())) == 2500
assert [d["_key"] for d in candles.find({"t": 5})] == ["5"]
assert sorted(d["t"] for d in candles.find_in_range("t", 3, 6)) == [3, 4, 5]
assert candles.random()["_key"] in {str(i) for i in range(2500)}

# Graphs.
definition = {"edge_collection": "related", "from_vertex_collections": ["assets"], "to_vertex_collections": ["assets"]}
graph = db.create_graph("market", [definition], orphan_collections=["sectors"])
assert db.has_graph("market") and [g["name"] for g in db.graphs()] == ["market"]
assert sorted(graph.vertex_collections()) == ["assets", "sectors"] and graph.edge_definitions() == [definition]
fails(GraphPropertiesError, 404, 1924, db.graph("nowhere").properties)
assets, related = graph.vertex_collection("assets"), graph.edge_collection("related")
for key in ("btc", "eth", "sol"):
    assets.insert({"_key": key, "rank": len(key)})
assets.update({"_key": "btc", "rank": 1})
assert assets.get("btc")["rank"] == 1
edge = related.insert({"_from": "assets/btc", "_to": "assets/eth", "weight": 0.5})
related.link("assets/eth", "assets/sol", {"weight": 0.25})
fails(DocumentInsertError, 404, 1202, related.insert, {"_from": "assets/btc", "_to": "assets/none"})
assert related.get(edge["_key"])["weight"] == 0.5
assert len(related.edges("assets/eth")["edges"]) == 2
related.update({"_key": edge["_key"], "weight": 0.75})
assert related.get(edge["_key"])["weight"] == 0.75
assert related.delete(edge["_key"]) and assets.delete("sol") and related.count() == 0
assert graph.delete_edge_definition("related") and graph.delete_vertex_collection("sectors")
assert db.delete_graph("market", drop_collections=True) and not db.has_collection("assets")

assert db.delete_collection("candles") and system.delete_database("python")
client.close()
print("python-arango", importlib.metadata.version("python-arango"))
