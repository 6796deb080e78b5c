# FastAPI with pip. Made by Switchyard.

FROM python:3.14-slim AS build
RUN python3 -m venv --without-pip /venv
ENV VIRTUAL_ENV=/venv
WORKDIR /app
COPY requirements.txt ./
COPY requirements/constraints.txt requirements/db.txt ./requirements/
RUN --mount=type=cache,target=/root/.cache/pip --mount=type=secret,id=netrc,target=/root/.netrc python3 -m pip --python /venv install --no-compile --requirement requirements.txt --requirement requirements/db.txt
RUN python3 -m compileall -q -f --invalidation-mode unchecked-hash /venv || true
COPY . ./

FROM python:3.14-slim
WORKDIR /app
ENV PATH=/venv/bin:$PATH
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp
COPY --from=build /venv /venv
COPY --from=build /app ./
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
CMD ["uvicorn", "app.main:app", "--host=0.0.0.0", "--port=8000", "--forwarded-allow-ips=*"]
