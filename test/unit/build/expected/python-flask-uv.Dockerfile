# Flask with uv. Made by Switchyard.

FROM python:3.13-slim AS build
RUN python3 -m venv --without-pip /venv
ENV VIRTUAL_ENV=/venv UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=/venv
WORKDIR /app
RUN --mount=type=cache,target=/root/.cache/pip --mount=type=secret,id=netrc,target=/root/.netrc python3 -m venv /tools && /tools/bin/pip install uv==0.13.9
COPY pyproject.toml uv.lock ./
RUN --mount=type=cache,target=/root/.cache/uv --mount=type=secret,id=netrc,target=/root/.netrc /tools/bin/uv sync --locked --no-dev --no-install-project
RUN python3 -m compileall -q -f --invalidation-mode unchecked-hash /venv || true
COPY . ./

FROM python:3.13-slim
WORKDIR /app
ENV PATH=/venv/bin:$PATH
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp
COPY --from=build /venv /venv
COPY --from=build /app ./
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
CMD ["gunicorn", "shop:create_app()", "--bind=0.0.0.0:8000", "--threads=4", "--keep-alive=0", "--worker-tmp-dir=/dev/shm", "--forwarded-allow-ips=*"]
