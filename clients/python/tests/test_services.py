"""Run by `python3 -m unittest` with the folder `src` in PYTHONPATH."""

import json
import tempfile
import unittest
from pathlib import Path

from switchyard_services import service, services

# Line ends, too, are as they stand in the file.
PASSWORD = "@:/?#% 'ř\r\n"


class Services(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "password").write_bytes(PASSWORD.encode())
        (self.folder / "url").write_text("postgresql://app:x@nginx:5100/shop")
        self.file = str(self.folder / "services.json")
        self.write(
            {
                "api": {"host": "nginx", "port": 5200, "ports": {"metrics": 5201}},
                "db": {
                    "host": "nginx",
                    "port": 5100,
                    "kind": "postgres",
                    "user": "app",
                    "database": "shop",
                    "passwordFile": str(self.folder / "password"),
                    "urlFile": str(self.folder / "url"),
                    "added": "by a later version",
                },
            }
        )

    def write(self, said, schema=1):
        Path(self.file).write_text(json.dumps({"schema": schema, "services": said}))

    def test_one_says_how_to_connect(self):
        db = service("db", self.file)
        self.assertEqual((db.host, db.port, db.user, db.database), ("nginx", 5100, "app", "shop"))
        self.assertEqual(db.password, PASSWORD)
        self.assertEqual(db.url, "postgresql://app:x@nginx:5100/shop")

    def test_one_without_a_connection_has_its_address_alone(self):
        api = services(self.file)["api"]
        self.assertEqual((api.port, api.ports, api.kind, api.url), (5200, {"metrics": 5201}, None, None))

    def test_no_secret_is_told_when_one_is_printed(self):
        self.assertNotIn(PASSWORD, repr(service("db", self.file)))

    def test_what_is_not_there_is_told(self):
        with self.assertRaisesRegex(LookupError, 'no service "cache"; it depends on api, db'):
            service("cache", self.file)
        with self.assertRaisesRegex(RuntimeError, "is missing"):
            services(str(self.folder / "nothing.json"))
        self.write({}, schema=2)
        with self.assertRaisesRegex(RuntimeError, "schema 2"):
            services(self.file)


if __name__ == "__main__":
    unittest.main()
