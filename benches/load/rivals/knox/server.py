"""django-rest-knox's check of a token: a REST framework view for users alone, by two gunicorn workers.

It holds the whole Django project, for there is only one view of it.
"""

import json
import os
import secrets
import signal
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.db import connections
from django.urls import path
from gunicorn.app.base import BaseApplication

# By Django's own defaults each request would open the file anew, and a reader could wait for a writer.
DATABASE = {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": Path(os.environ["DATA"]) / "knox.sqlite",
    "CONN_MAX_AGE": None,
    "OPTIONS": {"init_command": "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"},
}

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    DATABASES={"default": DATABASE},
    DEBUG=False,
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "rest_framework", "knox"],
    # Sessions and forms are not for a service that is asked by token.
    MIDDLEWARE=[],
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": ["knox.auth.TokenAuthentication"],
        "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    },
    ROOT_URLCONF=__name__,
    SECRET_KEY=secrets.token_hex(32),
    USE_TZ=True,
)
django.setup()

from django.contrib.auth.models import User  # noqa: E402 (models can be had after the setup alone)
from knox.models import AuthToken  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework.views import APIView  # noqa: E402


class Check(APIView):
    def get(self, request):
        return Response({"user": request.user.username})


urlpatterns = [path("check", Check.as_view())]


def make_token():
    call_command("migrate", verbosity=0)
    _, token = AuthToken.objects.create(User.objects.create_user("load"))
    # A connection to SQLite must not be carried into another process.
    connections.close_all()
    return token


def say_ready(token):
    wrong = {
        "headers": {"authorization": f"Token {secrets.token_hex(len(token) // 2)}"},
        "body": None,
        "status": 401,
        "expect": "Invalid token.",
    }
    right = {
        "method": "GET",
        "path": "/check",
        "headers": {"authorization": f"Token {token}"},
        "body": None,
        "expect": '"user":"load"',
        "wrong": wrong,
    }
    print(json.dumps(right), flush=True)


class Server(BaseApplication):
    def __init__(self, token):
        self.token = token
        super().__init__()

    def load_config(self):
        options = {
            "bind": f"127.0.0.1:{os.environ['PORT']}",
            "workers": 2,
            # Threads, for gunicorn's plain workers close the connection after each answer.
            "worker_class": "gthread",
            "threads": 2,
            "preload_app": True,
            "when_ready": lambda _: say_ready(self.token),
            "loglevel": "warning",
            # A worker's own way would first wait for the connections that clients keep open.
            "post_worker_init": lambda _: signal.signal(signal.SIGTERM, signal.SIG_DFL),
            # It would be made in the home of whoever runs this.
            "control_socket_disable": True,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self):
        return get_wsgi_application()


if __name__ == "__main__":
    Server(make_token()).run()
