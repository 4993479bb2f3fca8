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
    Client("pyais 3.2.1", "ais", ("pyais==3.2.1",), program=_AIS, is_sound=False),
    Client("pyais 3.3.1", "ais", ("pyais==3.3.1",), program=_AIS),
)
