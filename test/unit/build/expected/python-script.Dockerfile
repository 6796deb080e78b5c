# Python with pip. Made by Switchyard.

FROM python:3.13-slim AS build
RUN python3 -m venv --without-pip /venv
ENV VIRTUAL_ENV=/venv
WORKDIR /app
COPY requirements.txt ./
RUN --mount=type=cache,target=/root/.cache/pip --mount=type=secret,id=netrc,target=/root/.netrc python3 -m pip --python /venv install --no-compile --requirement requirements.txt
RUN python3 -m compileall -q -f --invalidation-mode unchecked-hash /venv || true
COPY . ./

FROM python:3.13-slim
WORKDIR /app
ENV PATH=/venv/bin:$PATH
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp
COPY --from=build /venv /venv
COPY --from=build /app ./
USER 10001:10001
STOPSIGNAL SIGTERM
CMD ["python3", "main.py"]
