# SPDX-License-Identifier: Apache-2.0
# One image, two roles: `dromos run` (gateway) and `dromos operator`. Non-root, and its root file system may be read-only.
# BASE_IMAGE: any Debian with Python 3.11 or newer, or with apt to install it. hack/build-image.sh is the usual way in.
ARG BASE_IMAGE=docker.io/library/python:3.11-slim-bookworm

FROM ${BASE_IMAGE} AS runtime
RUN command -v python3 >/dev/null || { \
      apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3 ca-certificates \
      && apt-get clean && rm -rf /var/lib/apt/lists/* /var/log/* /var/cache/*; }
RUN printf 'dromos:x:65532:65532::/nonexistent:/usr/sbin/nologin\n' >>/etc/passwd && printf 'dromos:x:65532:\n' >>/etc/group

FROM runtime AS build
# How this machine reaches its package index. Arguments of this stage only, and secrets: neither stays in the image.
ARG PIP_INDEX_URL="" PIP_EXTRA_INDEX_URL="" PIP_TRUSTED_HOST="" PIP_DEFAULT_TIMEOUT=60
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
RUN python3 -c 'import ensurepip' 2>/dev/null || { \
      apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv; }
WORKDIR /src
COPY requirements.lock ./
RUN --mount=type=secret,id=pip-ca --mount=type=secret,id=pip-conf \
    [ ! -s /run/secrets/pip-ca ] || export PIP_CERT=/run/secrets/pip-ca; \
    [ ! -s /run/secrets/pip-conf ] || export PIP_CONFIG_FILE=/run/secrets/pip-conf; \
    python3 -m venv /opt/dromos && /opt/dromos/bin/pip install -q --require-hashes --no-deps --only-binary :all: -r requirements.lock
COPY requirements-dev.lock ./
RUN --mount=type=secret,id=pip-ca --mount=type=secret,id=pip-conf \
    [ ! -s /run/secrets/pip-ca ] || export PIP_CERT=/run/secrets/pip-ca; \
    [ ! -s /run/secrets/pip-conf ] || export PIP_CONFIG_FILE=/run/secrets/pip-conf; \
    sed -n '/^\(hatchling\|packaging\|pathspec\|pluggy\|trove-classifiers\)==/,/[^\\]$/p' requirements-dev.lock >build.lock \
    && python3 -m venv /opt/build && /opt/build/bin/pip install -q --require-hashes --no-deps -r build.lock
COPY pyproject.toml README.md LICENSE ./
COPY crds crds
COPY gateway gateway
COPY operator operator
RUN /opt/build/bin/hatchling build -t wheel -d dist >/dev/null 2>&1 \
    && /opt/dromos/bin/pip install -q --no-index --no-deps dist/*.whl \
    && /opt/dromos/bin/pip check \
    && /opt/dromos/bin/pip uninstall -q -y setuptools pip \
    && rm -f /opt/dromos/bin/*ctivate* && chmod -R go+rX,go-w /opt/dromos

FROM runtime
ARG VERSION=dev REVISION=unknown
LABEL org.opencontainers.image.title="Dromos" \
      org.opencontainers.image.description="Kubernetes operator and gateway that forwards DICOM images without losing or leaking one" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /opt/dromos /opt/dromos
ENV PATH=/opt/dromos/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /
USER 65532:65532
EXPOSE 11112 8080 8081
ENTRYPOINT ["dromos"]
CMD ["--help"]
