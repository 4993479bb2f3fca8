"""Players who greet a server of lines: `locust -f locustfile.py --host tcp://127.0.0.1:9000`."""

from locust import between, task

from wireproof import SocketUser


class Player(SocketUser):
    wait_time = between(0.01, 0.05)

    @task(3)
    def greet(self):
        self.client.request(b"hello\n", name="greet", until=b"\n")

    @task
    def ask(self):
        self.client.request(b"who is there\n", name="ask", until=b"\n")
