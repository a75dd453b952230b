"""aiokafka: all commands run in one event loop."""

import asyncio
import threading

from aiokafka import (
    AIOKafkaConsumer,
    AIOKafkaProducer,
    ConsumerRebalanceListener,
    TopicPartition,
)
from aiokafka.abc import AbstractTokenProvider
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

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
        self._token = token

    async def token(self):
        return self._token


COMMON = {"bootstrap_servers": bootstrap, **python_settings(GIVEN, Token)}


def record_of(message):
    return record(message.partition, message.offset, message.key, message.value, message.headers)


async def take(consumer, taking):
    while not taking.done:
        for messages in (await consumer.getmany(timeout_ms=500)).values():
            for message in messages:
                taking.take(record_of(message))


class Told(ConsumerRebalanceListener):
    def __init__(self, member):
        self.member = member

    async def on_partitions_revoked(self, revoked):
        tell_assigned(self.member, [])

    async def on_partitions_assigned(self, assigned):
        tell_assigned(self.member, [each.partition for each in assigned])


class AsyncDriver:
    def __init__(self):
        self.members = {}
        self.streams = {}

    async def consumer(self, group=None, **settings):
        consumer = AIOKafkaConsumer(
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
        return consumer

    async def admin(self):
        admin = AIOKafkaAdminClient(**COMMON)
        await admin.start()
        return admin

    async def create(self, topic, partitions):
        admin = await self.admin()
        # This client can't leave the number of replicas to the brokers.
        replicas = len(bootstrap.split(","))
        answer = await admin.create_topics([NewTopic(topic, partitions, replicas)])
        await admin.close()
        if any(error[1] != 0 for error in answer.topic_errors):
            raise RuntimeError(answer)

    async def produce(self, topic, codec, records):
        compression = None if codec == "none" else codec
        producer = AIOKafkaProducer(
            **COMMON, enable_idempotence=True, compression_type=compression, linger_ms=20
        )
        await producer.start()
        futures = [
            await producer.send(
                topic, key=encode(key), value=encode(value), headers=headers_to_send(headers)
            )
            for key, value, headers in records
        ]
        await asyncio.gather(*futures)
        await producer.stop()

    async def assigned_to(self, topic, partitions):
        consumer = await self.consumer()
        places = [TopicPartition(topic, each) for each in partitions]
        consumer.assign(places)
        await consumer.start()
        return consumer

    async def consume(self, topic, count=None, until=None):
        admin = await self.admin()
        [described] = await admin.describe_topics([topic])
        await admin.close()
        partitions = [each["partition"] for each in described["partitions"]]
        consumer = await self.assigned_to(topic, partitions)
        taking = Taking(count, until)
        await take(consumer, taking)
        await consumer.stop()
        return {"records": taking.records}

    async def work(self, topic, group, count):
        consumer = await self.consumer(group)
        consumer.subscribe([topic])
        await consumer.start()
        taking = Taking(count)
        await take(consumer, taking)
        await consumer.commit(
            {TopicPartition(topic, each): next for each, next in taking.next_offsets.items()}
        )
        await consumer.stop()
        return {"records": taking.records}

    async def committed(self, topic, group):
        admin = await self.admin()
        found = await admin.list_consumer_group_offsets(group)
        await admin.close()
        return {
            "offsets": {
                str(place.partition): each.offset
                for place, each in found.items()
                if place.topic == topic
            }
        }

    async def seek(self, topic, partition, offset, count):
        consumer = await self.assigned_to(topic, [partition])
        consumer.seek(TopicPartition(topic, partition), offset)
        taking = Taking(count)
        await take(consumer, taking)
        await consumer.stop()
        return {"records": taking.records}

    async def join(self, member, topic, group):
        leaving = asyncio.Event()
        consumer = await self.consumer(
            group, enable_auto_commit=True, session_timeout_ms=6000, rebalance_timeout_ms=10000
        )
        consumer.subscribe([topic], listener=Told(member))

        async def run():
            await consumer.start()
            count = 0
            while not leaving.is_set():
                for messages in (await consumer.getmany(timeout_ms=200)).values():
                    count += len(messages)
                    tell_consumed(member, count)
            await consumer.stop()

        self.members[member] = (leaving, asyncio.create_task(run()))

    async def leave(self, member):
        leaving, task = self.members.pop(member)
        leaving.set()
        await task

    async def stream(self, stream, topic, idempotent):
        state = self.streams[stream] = Stream(stream)
        producer = AIOKafkaProducer(**COMMON, acks="all", enable_idempotence=idempotent)
        await producer.start()
        pending = set()

        def settle(number, future):
            pending.discard(future)
            if future.exception() is None:
                state.delivered()
            else:
                print(future.exception(), flush=True)
                state.failed.append(number)

        while not state.stopped:
            if not state.room():
                await asyncio.wait(pending, timeout=0.1, return_when=asyncio.FIRST_COMPLETED)
                continue
            number = state.sent
            state.sent += 1
            text = str(number).encode()
            future = await producer.send(topic, key=text, value=text, partition=0)
            pending.add(future)
            future.add_done_callback(lambda done, number=number: settle(number, done))
        await asyncio.wait(pending) if pending else None
        await producer.stop()
        return state.result()

    async def knock(self, topic, security=GIVEN):
        own = {"bootstrap_servers": bootstrap, **python_settings(security, Token)}
        producer = AIOKafkaProducer(**own)
        heard = []
        try:
            # Why it isn't let in this client tells its log alone.
            with Ear("aiokafka", heard.append):
                await producer.start()
                await producer.send_and_wait(topic, b"knock")
        except KafkaError as refusal:
            return {"refusal": "; ".join([f"{type(refusal).__name__}: {refusal}", *heard])}
        finally:
            await producer.stop()
        return {"refusal": None}

    async def stop(self, stream):
        self.streams[stream].stopped = True


class Driver:
    """The commands as calls that block, for the threads that ask."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.driver = AsyncDriver()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def __getattr__(self, name):
        command = getattr(self.driver, name)
        return lambda **ask: asyncio.run_coroutine_threadsafe(command(**ask), self.loop).result()


serve(Driver())
