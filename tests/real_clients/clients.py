"""The clients that are judged, and what each is told to do."""

import msgspec

_PLACE = {
    "pip": (
        "import os",
        "host, port = os.environ['WIREPROOF_HOST'], int(os.environ['WIREPROOF_PORT'])",
    ),
    "npm": (
        "const assert = require('assert')",
        "const host = process.env.WIREPROOF_HOST, port = Number(process.env.WIREPROOF_PORT)",
        "process.on('unhandledRejection', error => { console.error(error); process.exit(1) })",
    ),
}


class Client(msgspec.Struct, frozen=True):
    """One client.

    Attributes:
        name: of the package, with its version where that matters.
        server: the gallery's, by name; or `ais`, ours.
        packages: none, where it is the system's or Python's own.
        install: where they come from: pip, npm or apt.
        program: lines of Python or JavaScript that end badly where a reply is not right.
        command: instead of a program.
        is_sound: whether a finding would be a false alarm.

    """

    name: str
    server: str
    packages: tuple[str, ...] = ()
    install: str = "pip"
    program: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    is_sound: bool = True

    @property
    def lines(self) -> str:
        """The whole of its program, which knows where to connect."""
        return "\n".join((*_PLACE[self.install], *self.program))


_AIS = (
    "from pyais.stream import TCPConnection",
    "stream = iter(TCPConnection(host, port=port))",
    "assert [next(stream).decode().msg_type for _ in range(3)] == [1, 1, 1]",
)
CLIENTS = (
    Client(
        "redis-py",
        "redis",
        ("redis==8.1.0",),
        program=(
            "import redis",
            "client = redis.Redis(host, port)",
            "client.set('a', b'x\\r\\ny')",
            "assert client.get('a') == b'x\\r\\ny'",
            "assert client.pipeline().ping().get('a').execute() == [True, b'x\\r\\ny']",
        ),
    ),
    Client(
        "pymemcache",
        "memcached",
        ("pymemcache==4.0.0",),
        program=(
            "from pymemcache.client.base import Client",
            "client = Client((host, port))",
            "client.set('a', b'x\\r\\nEND\\r\\n', noreply=False)",
            "assert client.get('a') == b'x\\r\\nEND\\r\\n'",
        ),
    ),
    Client(
        "paho-mqtt",
        "mosquitto",
        ("paho-mqtt==2.1.0",),
        program=(
            "import paho.mqtt.client as mqtt, threading",
            "came, seen = threading.Event(), []",
            "client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)",
            "client.on_message = lambda c, u, m: (seen.append(m.payload), came.set())",
            "client.on_subscribe = lambda c, *_: c.publish(topic, b'hello', qos=1)",
            "topic = 'wireproof/%d' % os.getpid()",
            "client.on_connect = lambda c, *_: c.subscribe(topic)",
            "client.connect(host, port)",
            "client.loop_start()",
            "assert came.wait(20) and seen == [b'hello']",
            "client.disconnect()",
        ),
    ),
    Client("curl", "nginx", command=("curl", "-sS", "--output", "/dev/null", "{host}:{port}/")),
    Client(
        "smtplib",
        "aiosmtpd 1.4.6",
        program=(
            "import smtplib",
            "with smtplib.SMTP(host, port, timeout=20) as client:",
            "    client.sendmail('a@example.com', ['b@example.com'], 'Subject: x\\r\\n\\r\\ny')",
        ),
    ),
    Client(
        "dnspython",
        "dnsmasq over TCP",
        ("dnspython==2.8.0",),
        program=(
            "import dns.message, dns.query",
            "query = dns.message.make_query('localhost', 'A')",
            "assert dns.query.tcp(query, host, port=port, timeout=20).id == query.id",
        ),
    ),
    Client(
        "websockets",
        "websockets 15.0.1",
        ("websockets==15.0.1",),
        program=(
            "from websockets.sync.client import connect",
            "with connect(f'ws://{host}:{port}/') as client:",
            "    client.send('x' * 200)",
            "    assert client.recv(20) == 'x' * 200",
        ),
    ),
    Client(
        "http.client",
        "Python http.server",
        program=(
            "import http.client",
            "client = http.client.HTTPConnection(host, port, timeout=20)",
            "client.request('GET', '/')",
            "assert client.getresponse().read()",
        ),
    ),
    Client(
        "pymodbus",
        "uModbus 1.0.4",
        ("pymodbus==3.11.4",),
        program=(
            "from pymodbus.client import ModbusTcpClient",
            "client = ModbusTcpClient(host, port=port, timeout=20)",
            "assert client.connect()",
            "assert len(client.read_holding_registers(0, count=3, device_id=1).registers) == 3",
        ),
    ),
    Client(
        "ioredis",
        "redis",
        ("ioredis@6.0.0",),
        "npm",
        (
            "const Redis = require('ioredis')",
            "const client = new Redis({host, port, retryStrategy: () => null})",
            "client.on('error', error => { console.error(error); process.exit(1) })",
            "async function main() {",
            "  await client.set('b', 'x\\r\\ny')",
            "  assert.strictEqual(await client.get('b'), 'x\\r\\ny')",
            "  const found = await client.pipeline().ping().get('b').exec()",
            "  assert.deepStrictEqual(found, [[null, 'PONG'], [null, 'x\\r\\ny']])",
            "  await client.quit()",
            "}",
            "main()",
        ),
    ),
    Client(
        "ws",
        "websockets 15.0.1",
        ("ws@8.23.0",),
        "npm",
        (
            "const { WebSocket } = require('ws')",
            "const client = new WebSocket('ws://' + host + ':' + port + '/')",
            "const said = ['x'.repeat(200), 'y'.repeat(70000)]",
            "let seen = 0",
            "client.on('error', error => { console.error(error); process.exit(1) })",
            "client.on('open', () => said.forEach(one => client.send(one)))",
            "client.on('message', data => {",
            "  assert.strictEqual(data.toString(), said[seen++])",
            "  if (seen === said.length) client.close(1000)",
            "})",
            "client.on('close', code => process.exit(code === 1000 && seen === 2 ? 0 : 1))",
        ),
    ),
    Client(
        "modbus-serial",
        "uModbus 1.0.4",
        ("modbus-serial@8.0.25",),
        "npm",
        (
            "const Modbus = require('modbus-serial')",
            "const client = new Modbus()",
            "async function main() {",
            "  await client.connectTCP(host, { port: port })",
            "  client.setID(1)",
            "  client.setTimeout(20000)",
            "  assert.strictEqual((await client.readHoldingRegisters(0, 3)).data.length, 3)",
            "  client.close(() => {})",
            "}",
            "main()",
        ),
    ),
    Client(
        "mosquitto_pub",
        "mosquitto",
        ("mosquitto-clients",),
        "apt",
        command=(
            *("mosquitto_pub", "-h", "{host}", "-p", "{port}"),
            *("-t", "wireproof/hello", "-m", "hello", "-q", "2"),
        ),
    ),
    Client(
        "dig +tcp",
        "dnsmasq over TCP",
        ("bind9-dnsutils",),
        "apt",
        command=(
            *("sh", "-c"),
            "dig @{host} -p {port} +tcp +tries=1 +time=20 +short example.com | grep -qx 192.0.2.1",
        ),
    ),
    Client(
        "stomp.py",
        "RabbitMQ",
        ("stomp.py==9.0.0",),
        program=(
            "import stomp, threading, uuid",
            "came, seen = threading.Event(), []",
            "class Listener(stomp.ConnectionListener):",
            "    def on_message(self, frame):",
            "        seen.append(frame.body)",
            "        came.set()",
            "client = stomp.Connection12([(host, port)], vhost='/')",
            "client.set_listener('', Listener())",
            "client.connect('guest', 'guest', wait=True)",
            "place = '/exchange/amq.topic/' + uuid.uuid4().hex",
            "client.subscribe(place, id='1')",
            "client.send(place, 'hello')",
            "assert came.wait(20) and seen == ['hello']",
            "client.disconnect()",
        ),
    ),
    Client(
        "redis-cli",
        "redis",
        ("redis-tools",),
        "apt",
        command=(
            *("sh", "-c"),
            "printf 'set c hello\\nget c\\n' | redis-cli -h {host} -p {port} | grep -qx hello",
        ),
    ),
    Client(
        "psql",
        "PostgreSQL",
        ("postgresql-client",),
        "apt",
        command=(
            *("sh", "-c"),
            "psql -h {host} -p {port} -U postgres -Atc 'select 6 * 7' postgres | grep -qx 42",
        ),
    ),
    Client(
        "poplib",
        "dovecot POP3",
        program=(
            "import poplib",
            "client = poplib.POP3(host, port, timeout=20)",
            "client.user('a')",
            "client.pass_('a')",
            "count = len(client.list()[1])",
            "assert count >= 3",
            "assert sum(len(client.retr(number)[1]) > 1 for number in (1, 2, 3)) == 3",
            "client.quit()",
        ),
    ),
    Client(
        "imaplib",
        "dovecot IMAP",
        program=(
            "import imaplib",
            "client = imaplib.IMAP4(host, port, timeout=20)",
            "client.login('a', 'a')",
            "assert client.select('INBOX', readonly=True)[0] == 'OK'",
            "assert client.fetch('1:3', '(BODY.PEEK[])')[0] == 'OK'",
            "client.logout()",
        ),
    ),
    Client(
        "ftplib",
        "vsftpd",
        program=(
            "import ftplib",
            "with ftplib.FTP() as client:",
            "    client.connect(host, port, 20)",
            "    client.login()",
            "    assert client.pwd() == '/'",
            "    client.voidcmd('NOOP')",
        ),
    ),
    Client(
        "pika",
        "rabbitmq, AMQP 0-9-1",
        ("pika==1.3.2",),
        program=(
            "import pika",
            "client = pika.BlockingConnection(pika.ConnectionParameters(host, port))",
            "channel = client.channel()",
            "name = channel.queue_declare('', exclusive=True).method.queue",
            "channel.confirm_delivery()",
            "channel.basic_publish('', name, b'x' * 5000)",
            "assert channel.basic_get(name, auto_ack=True)[2] == b'x' * 5000",
            "client.close()",
        ),
    ),
    Client(
        "nats-py",
        "nats-server",
        ("nats-py==2.11.0",),
        program=(
            "import asyncio, nats",
            "async def main():",
            "    client = await nats.connect(f'nats://{host}:{port}', allow_reconnect=False)",
            "    came = await client.subscribe('wireproof.%d' % os.getpid())",
            "    await client.publish(came.subject, b'x' * 300)",
            "    assert (await came.next_msg(20)).data == b'x' * 300",
            "    await client.drain()",
            "asyncio.run(main())",
        ),
    ),
    Client("pyais 3.2.1", "ais", ("pyais==3.2.1",), program=_AIS, is_sound=False),
    Client("pyais 3.3.1", "ais", ("pyais==3.3.1",), program=_AIS),
)
