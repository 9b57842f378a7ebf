# The production image: web, worker and migrate are commands of it (fly.toml, compose.yaml).
FROM python:3.11-slim AS packages
COPY requirements-production.lock /tmp/
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check \
        --require-hashes --only-binary=:all: \
        -r /tmp/requirements-production.lock

FROM python:3.11-slim
RUN useradd --system --uid 10001 --home-dir /srv --shell /usr/sbin/nologin portal
COPY --from=packages /opt/venv /opt/venv
COPY scripts/portal /usr/local/bin/portal
WORKDIR /srv
COPY app app
COPY graphql_schema graphql_schema
COPY integrations integrations
COPY migrations migrations
RUN /opt/venv/bin/python -m compileall -q app graphql_schema integrations migrations
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PORTAL_ENV=production \
    PORTAL_HOST=0.0.0.0 \
    PORTAL_PORT=8000 \
    PORTAL_LOG_FORMAT=json \
    PORTAL_GRAPHQL_ALLOW=trusted
USER portal
EXPOSE 8000
CMD ["portal", "serve"]
