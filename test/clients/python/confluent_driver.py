"""confluent-kafka, librdkafka in Python."""

import sys
import threading
import time
import uuid

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from driver import (
    Stream,
    Taking,
    bootstrap,
    encode,
    headers_to_send,
    record,
    serve,
    tell_acked,
    tell_assigned,
    tell_consumed,
)
from security import GIVEN, token_of


def secured_by(security):
    """How this client is told how to connect."""
    if security is None:
        return {}
    names = {
        "security.protocol": "protocol",
        "ssl.ca.location": "ca",
        "ssl.certificate.location": "cert",
        "ssl.key.location": "key",
        "sasl.mechanism": "mechanism",
        "sasl.username": "user",
        "sasl.password": "password",
    }
    settings = {name: security[key] for name, key in names.items() if key in security}
    if "token" in security:
        settings["oauth_cb"] = lambda _: (token_of(security), time.time() + 600)
    return settings


COMMON = {
    "bootstrap.servers": bootstrap,
    "reconnect.backoff.max.ms": 500,
    **secured_by(GIVEN),
}


def checked(message):
    """A polled message without an error, or None."""
    if message is None:
        return None
    if message.error() is None:
        return message
    if message.error().retriable() or message.error().code() < 0:
        return None
    raise RuntimeError(message.error())


def record_of(message):
    return record(
        message.partition(), message.offset(), message.key(), message.value(), message.headers()
    )


def take(consumer, taking):
    while not taking.done:
        message = checked(consumer.poll(0.5))
        if message is not None:
            taking.take(record_of(message))


class Driver:
    def __init__(self):
        self.admin = AdminClient(COMMON)
        self.members = {}
        self.streams = {}

    def consumer(self, group, **settings):
        return Consumer(
            {
                **COMMON,
                "group.id": group,
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 200,
                **settings,
            }
        )

    def create(self, topic, partitions):
        # As many replicas as the brokers give a topic.
        for future in self.admin.create_topics([NewTopic(topic, partitions)]).values():
            future.result(150)

    def produce(self, topic, codec, records):
        producer = Producer(
            {**COMMON, "enable.idempotence": True, "compression.type": codec, "linger.ms": 20}
        )
        failures = []

        def delivered(error, _message):
            if error is not None:
                failures.append(error)

        for key, value, headers in records:
            producer.produce(
                topic,
                key=encode(key),
                value=encode(value),
                headers=headers_to_send(headers),
                on_delivery=delivered,
            )
            producer.poll(0)
        left = producer.flush(150)
        if failures or left:
            raise RuntimeError(f"{left} records left, failures {failures[:3]}")

    def partitions_of(self, consumer, topic):
        return consumer.list_topics(topic, 150).topics[topic].partitions

    def consume(self, topic, count=None, until=None):
        consumer = self.consumer(str(uuid.uuid4()))
        partitions = self.partitions_of(consumer, topic)
        consumer.assign([TopicPartition(topic, each, 0) for each in partitions])
        taking = Taking(count, until)
        take(consumer, taking)
        consumer.close()
        return {"records": taking.records}

    def work(self, topic, group, count):
        consumer = self.consumer(group)
        consumer.subscribe([topic])
        taking = Taking(count)
        take(consumer, taking)
        offsets = [TopicPartition(topic, *each) for each in taking.next_offsets.items()]
        consumer.commit(offsets=offsets, asynchronous=False)
        consumer.close()
        return {"records": taking.records}

    def committed(self, topic, group):
        consumer = self.consumer(group)
        asked = [TopicPartition(topic, each) for each in self.partitions_of(consumer, topic)]
        found = consumer.committed(asked, timeout=150)
        consumer.close()
        return {"offsets": {str(each.partition): each.offset for each in found if each.offset >= 0}}

    def seek(self, topic, partition, offset, count):
        consumer = self.consumer(str(uuid.uuid4()))
        consumer.assign([TopicPartition(topic, partition, 0)])
        while checked(consumer.poll(0.5)) is None:
            pass
        consumer.seek(TopicPartition(topic, partition, offset))
        taking = Taking(count)
        take(consumer, taking)
        consumer.close()
        return {"records": taking.records}

    def join(self, member, topic, group):
        consumer = self.consumer(
            group,
            **{
                "enable.auto.commit": True,
                "session.timeout.ms": 6000,
                "heartbeat.interval.ms": 500,
            },
        )
        leaving = threading.Event()

        def assigned(_consumer, partitions):
            tell_assigned(member, [each.partition for each in partitions])

        def revoked(_consumer, _partitions):
            tell_assigned(member, [])

        def run():
            consumer.subscribe([topic], on_assign=assigned, on_revoke=revoked)
            count = 0
            while not leaving.is_set():
                if checked(consumer.poll(0.2)) is not None:
                    count += 1
                    tell_consumed(member, count)
            consumer.close()

        thread = threading.Thread(target=run, daemon=True)
        self.members[member] = (leaving, thread)
        thread.start()

    def leave(self, member):
        leaving, thread = self.members.pop(member)
        leaving.set()
        thread.join()

    def stream(self, stream, topic, idempotent, pauseMs=0):
        state = self.streams[stream] = Stream(stream, pauseMs)
        kind = {"enable.idempotence": True} if idempotent else {"max.in.flight": 1}
        producer = Producer({**COMMON, **kind, "message.timeout.ms": 170000, "linger.ms": 0})

        def delivered(number):
            def told(error, _message):
                if error is None:
                    state.delivered()
                else:
                    state.failed.append(number)

            return told

        while not state.stopped:
            if not state.room():
                producer.poll(0.1)
                continue
            text = str(state.sent).encode()
            producer.produce(topic, key=text, value=text, partition=0, on_delivery=delivered(state.sent))
            state.sent += 1
            producer.poll(0)
            time.sleep(pauseMs / 1000)
        producer.flush(170)
        return state.result()

    def copy_some(self, producer, consumer, messages, target, commits):
        """Copies some records in a transaction of their own."""
        producer.begin_transaction()
        first, after = {}, {}
        for message in messages:
            producer.produce(target, key=message.key(), value=message.value())
            first.setdefault(message.partition(), message.offset())
            after[message.partition()] = message.offset() + 1
        topic = messages[0].topic()
        offsets = [TopicPartition(topic, *each) for each in after.items()]
        producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata())
        if commits:
            producer.commit_transaction()
            return
        producer.abort_transaction()
        for partition, offset in first.items():
            consumer.seek(TopicPartition(topic, partition, offset))

    def copy_until_failure(self, state, source, target, group, transactional):
        producer = Producer({**COMMON, "transactional.id": transactional, "linger.ms": 0})
        # Ends what was before it, so that what the group has committed by then is final.
        producer.init_transactions(120)
        consumer = self.consumer(
            group, **{"session.timeout.ms": 6000, "heartbeat.interval.ms": 500}
        )
        try:
            consumer.subscribe([source])
            while not state.stopped:
                polled = consumer.consume(20, 0.2)
                messages = [message for message in polled if checked(message) is not None]
                if not messages:
                    continue
                state.sent += 1
                commits = state.sent % 3 != 0
                self.copy_some(producer, consumer, messages, target, commits)
                if commits:
                    state.acked += len(messages)
                    tell_acked(state.name, state.acked)
        finally:
            consumer.close()

    def copy(self, stream, **ask):
        state = self.streams[stream] = Stream(stream)
        while not state.stopped:
            try:
                self.copy_until_failure(state, **ask)
            except (KafkaException, RuntimeError) as failure:
                print("begins anew:", failure, file=sys.stderr)

    def knock(self, topic, security=GIVEN):
        refusals = []
        own = {"bootstrap.servers": bootstrap, **secured_by(security), "error_cb": refusals.append}
        producer = Producer({**own, "message.timeout.ms": 30000})
        producer.produce(
            topic, value=b"knock", on_delivery=lambda error, _: error and refusals.append(error)
        )
        # Of a connection that can't be made it tells by its callback, and goes on trying.
        while not refusals and len(producer) > 0:
            producer.poll(0.1)
        producer.purge()
        if not refusals:
            return {"refusal": None}
        return {"refusal": "; ".join(f"{each.name()}: {each.str()}" for each in refusals)}

    def stop(self, stream):
        self.streams[stream].stopped = True


serve(Driver())
