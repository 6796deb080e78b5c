# Python with Poetry. Made by Switchyard.

FROM python:3.14-slim AS build
RUN python3 -m venv --without-pip /venv
ENV VIRTUAL_ENV=/venv
WORKDIR /app
RUN --mount=type=cache,target=/root/.cache/pip --mount=type=secret,id=netrc,target=/root/.netrc python3 -m venv /tools && /tools/bin/pip install poetry==2.5.1
COPY pyproject.toml poetry.lock ./
RUN --mount=type=cache,target=/root/.cache/pypoetry --mount=type=secret,id=netrc,target=/root/.netrc /tools/bin/poetry install --only main --no-root --no-interaction
RUN python3 -m compileall -q -f --invalidation-mode unchecked-hash /venv || true
COPY . ./

FROM python:3.14-slim
WORKDIR /app
ENV PATH=/venv/bin:$PATH
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp
COPY --from=build /venv /venv
COPY --from=build /app ./
USER 10001:10001
STOPSIGNAL SIGTERM
CMD ["celery", "--app", "mailer.tasks", "worker", "--concurrency", "2"]
