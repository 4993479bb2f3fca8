# docker build --tag wireproof . && docker run --rm --network host wireproof check tcp://127.0.0.1:7 --protocol echo
FROM python:3.12-slim AS build
RUN apt-get update && apt-get install --no-install-recommends --yes gcc libc6-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY pyproject.toml constraints.txt hatch_build.py README.md LICENSE ./
COPY harness harness
COPY reference_server reference_server
RUN python -m venv /opt/wireproof && /opt/wireproof/bin/pip install --no-cache-dir -c constraints.txt '.[tls,dns,http1,metrics]'

FROM python:3.12-slim
COPY --from=build /opt/wireproof /opt/wireproof
RUN useradd --create-home --uid 10001 wireproof
USER wireproof
WORKDIR /home/wireproof
ENV PATH=/opt/wireproof/bin:$PATH
ENTRYPOINT ["wireproof"]
CMD ["--help"]
