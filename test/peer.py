"""peer.py: another service of the pipeline, over clients that are not ours.

    stop BOOTSTRAP USER PASSWORD CA TOPIC MESSAGE   publishes, and prints the message's time in ms
    events BOOTSTRAP USER PASSWORD CA TOPIC         prints each message as {"at": ms of the broker, "event": {...}}
    fetch ENDPOINT ACCESS SECRET BUCKET PREFIX DIR  downloads what lies under the prefix
"""
import json
import sys
import time
from pathlib import Path


def connection(bootstrap, user, password, ca):
    return {
        "bootstrap.servers": bootstrap, "security.protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": user, "sasl.password": password, "ssl.ca.location": ca,
    }


def stop(*args):
    from confluent_kafka import Producer

    *where, topic, message = args
    producer = Producer(connection(*where))
    at, failed = int(time.time() * 1000), []
    producer.produce(topic, message, timestamp=at, on_delivery=lambda e, _: failed.append(e) if e else None)
    assert producer.flush(20) == 0 and not failed, failed
    print(at)


def events(*args):
    from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

    *where, topic = args
    consumer = Consumer({**connection(*where), "group.id": "peer", "enable.auto.commit": False})
    partitions = [TopicPartition(topic, p, OFFSET_BEGINNING) for p in consumer.list_topics(topic, 20).topics[topic].partitions]
    ends = {p.partition: consumer.get_watermark_offsets(p, 20)[1] for p in partitions}
    consumer.assign(partitions)
    left = sum(ends.values())
    while left:
        message = consumer.poll(20)
        assert message is not None and not message.error(), message and message.error()
        assert message.key() is None
        print(json.dumps({"at": message.timestamp()[1], "event": json.loads(message.value())}))
        left -= 1
    consumer.close()


def fetch(endpoint, access, secret, bucket, prefix, folder):
    from minio import Minio

    client = Minio(endpoint, access_key=access, secret_key=secret, secure=False)
    if not client.bucket_exists(bucket):
        return  # no run has come as far as its store
    for o in client.list_objects(bucket, prefix=prefix + "/", recursive=True):
        client.fget_object(bucket, o.object_name, str(Path(folder) / Path(o.object_name).relative_to(prefix)))


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
