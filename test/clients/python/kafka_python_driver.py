"""kafka-python."""

import queue
import threading

from kafka import ConsumerRebalanceListener, KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError
from kafka.net.sasl.oauth import AbstractTokenProvider
from kafka.structs import OffsetAndMetadata

from driver import (
    Ear,
    Stream,
    Taking,
    bootstrap,
    encode,
    headers_to_send,
    record,
    serve,
    tell_assigned,
    tell_consumed,
)
from security import GIVEN, python_settings


class Token(AbstractTokenProvider):
    def __init__(self, token):
        super().__init__()
        self._token = token

    def token(self):
        return self._token


COMMON = {
    "bootstrap_servers": bootstrap,
    "reconnect_backoff_max_ms": 500,
    **python_settings(GIVEN, Token),
}


def record_of(message):
    return record(message.partition, message.offset, message.key, message.value, message.headers)


def take(consumer, taking):
    while not taking.done:
        for messages in consumer.poll(timeout_ms=500).values():
            for message in messages:
                taking.take(record_of(message))


class Told(ConsumerRebalanceListener):
    def __init__(self, member):
        self.member = member

    def on_partitions_revoked(self, revoked):
        tell_assigned(self.member, [])

    def on_partitions_assigned(self, assigned):
        tell_assigned(self.member, [each.partition for each in assigned])


class Driver:
    def __init__(self):
        self.members = {}
        self.streams = {}

    def consumer(self, group=None, **settings):
        return KafkaConsumer(
            **COMMON,
            **{
                "group_id": group,
                "auto_offset_reset": "earliest",
                "enable_auto_commit": False,
                "fetch_max_wait_ms": 200,
                "heartbeat_interval_ms": 500,
                **settings,
            },
        )

    def admin(self):
        return KafkaAdminClient(**COMMON)

    def create(self, topic, partitions):
        admin = self.admin()
        # As many replicas as the brokers give a topic.
        admin.create_topics({topic: {"num_partitions": partitions, "replication_factor": -1}})
        admin.close()

    def produce(self, topic, codec, records):
        compression = None if codec == "none" else codec
        producer = KafkaProducer(**COMMON, compression_type=compression, linger_ms=20)
        futures = [
            producer.send(
                topic,
                key=encode(key),
                value=encode(value),
                headers=headers_to_send(headers),
            )
            for key, value, headers in records
        ]
        producer.flush()
        for future in futures:
            future.get(timeout=60)
        producer.close()

    def consume(self, topic, count=None, until=None):
        consumer = self.consumer()
        consumer.assign([TopicPartition(topic, each) for each in consumer.partitions_for_topic(topic)])
        taking = Taking(count, until)
        take(consumer, taking)
        consumer.close()
        return {"records": taking.records}

    def work(self, topic, group, count):
        consumer = self.consumer(group)
        consumer.subscribe([topic])
        taking = Taking(count)
        take(consumer, taking)
        consumer.commit(
            {
                TopicPartition(topic, partition): OffsetAndMetadata(offset, "", -1)
                for partition, offset in taking.next_offsets.items()
            }
        )
        consumer.close(autocommit=False)
        return {"records": taking.records}

    def committed(self, topic, group):
        admin = self.admin()
        found = admin.list_group_offsets({group: None})
        admin.close()
        return {
            "offsets": {
                str(place.partition): each.offset
                for place, each in found[group].items()
                if place.topic == topic
            }
        }

    def seek(self, topic, partition, offset, count):
        consumer = self.consumer()
        place = TopicPartition(topic, partition)
        consumer.assign([place])
        consumer.seek(place, offset)
        taking = Taking(count)
        take(consumer, taking)
        consumer.close()
        return {"records": taking.records}

    def join(self, member, topic, group):
        leaving = threading.Event()
        consumer = self.consumer(group, enable_auto_commit=True, session_timeout_ms=6000)

        def run():
            consumer.subscribe([topic], listener=Told(member))
            count = 0
            while not leaving.is_set():
                for messages in consumer.poll(timeout_ms=200).values():
                    count += len(messages)
                    tell_consumed(member, count)
            consumer.close()

        thread = threading.Thread(target=run, daemon=True)
        self.members[member] = (leaving, thread)
        thread.start()

    def leave(self, member):
        leaving, thread = self.members.pop(member)
        leaving.set()
        thread.join()

    def stream(self, stream, topic, idempotent):
        state = self.streams[stream] = Stream(stream)
        producer = KafkaProducer(
            **COMMON,
            enable_idempotence=idempotent,
            max_in_flight_requests_per_connection=5 if idempotent else 1,
            delivery_timeout_ms=170000,
        )
        changed = threading.Condition()

        def send(number):
            def delivered(_metadata):
                with changed:
                    state.delivered()
                    changed.notify()

            def failed(error):
                print(error, flush=True)
                with changed:
                    state.failed.append(number)
                    changed.notify()

            text = str(number).encode()
            producer.send(topic, key=text, value=text, partition=0).add_callback(
                delivered
            ).add_errback(failed)

        while not state.stopped:
            with changed:
                if not state.room():
                    changed.wait(0.1)
                    continue
            send(state.sent)
            state.sent += 1
        producer.close()
        return state.result()

    def knock(self, topic, security=GIVEN):
        own = {"bootstrap_servers": bootstrap, **python_settings(security, Token)}
        outcomes = queue.Queue()

        def attempt():
            try:
                producer = KafkaProducer(**own)
                producer.send(topic, value=b"knock").get(timeout=30)
                producer.close()
                outcomes.put(None)
            except KafkaError as refusal:
                outcomes.put(f"{type(refusal).__name__}: {refusal}")

        # Where it isn't let in this client tells its log, and goes on trying.
        with Ear("kafka.net.manager", outcomes.put):
            threading.Thread(target=attempt, daemon=True).start()
            return {"refusal": outcomes.get()}

    def stop(self, stream):
        self.streams[stream].stopped = True


serve(Driver())
