# Flask with Pipenv. Made by Switchyard.

FROM python:3.13-slim AS build
RUN python3 -m venv --without-pip /venv
ENV VIRTUAL_ENV=/venv PIPENV_VERBOSITY=-1
WORKDIR /app
RUN --mount=type=cache,target=/root/.cache/pip --mount=type=secret,id=netrc,target=/root/.netrc python3 -m venv /tools && /tools/bin/pip install pipenv==2026.10.3
COPY Pipfile Pipfile.lock ./
RUN --mount=type=cache,target=/root/.cache --mount=type=secret,id=netrc,target=/root/.netrc /tools/bin/pipenv install --deploy
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
CMD ["gunicorn", "wsgi:app", "--bind=0.0.0.0:8000", "--threads=4", "--keep-alive=0", "--worker-tmp-dir=/dev/shm", "--forwarded-allow-ips=*"]
