"""Django's OAuth toolkit as a judge, as Debian packages it. It takes and tells what oidc.mjs does."""

import json
import os
import sys
import threading
from datetime import timedelta

from django.conf import settings

started = json.loads(sys.stdin.readline())
settings.configure(
    SECRET_KEY="of the judge", ALLOWED_HOSTS=["127.0.0.1"], ROOT_URLCONF=__name__, USE_TZ=True,
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],  # for Content-Length
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "oauth2_provider"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "OPTIONS": {"timeout": 20},
                           "NAME": os.path.join(started["folder"], "judge.db")}},
    OAUTH2_PROVIDER={"REFRESH_TOKEN_GRACE_PERIOD_SECONDS": started["grace"], "SCOPES": {"read": "", "write": ""}})

import django  # noqa: E402  settings come first

django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.urls import include, path  # noqa: E402
from django.utils import timezone  # noqa: E402
from oauth2_provider.models import AccessToken, Application, RefreshToken  # noqa: E402
from oauth2_provider.signals import app_authorized  # noqa: E402

urlpatterns = [path("", include("oauth2_provider.urls", namespace="oauth2_provider"))]


def tell(value):
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


class Handler(WSGIRequestHandler):
    def log_message(self, *_):
        pass


def consent():
    """A person's consent, and the refresh token that came of it."""
    user = User.objects.get(username="alice")
    application = Application.objects.get()
    number = RefreshToken.objects.count()
    access = AccessToken.objects.create(user=user, application=application, token=f"access-{number}", scope="read",
                                        expires=timezone.now() + timedelta(hours=1))
    return RefreshToken.objects.create(user=user, application=application, token=f"refresh-{number}",
                                       access_token=access).token


def lives(token):
    return RefreshToken.objects.filter(token=token, revoked__isnull=True).exists()


def granted(token, **_):
    tell({"event": "app_authorized", "client": token.application.client_id})


def main():
    call_command("migrate", verbosity=0)
    Application.objects.create(client_id=started["id"], client_secret=started["secret"], client_type="confidential",
                               authorization_grant_type="authorization-code", redirect_uris="http://127.0.0.1/",
                               user=User.objects.create_user("alice"))
    app_authorized.connect(granted)
    server = ThreadedWSGIServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.set_app(get_wsgi_application())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    tell({"issuer": f"http://127.0.0.1:{server.server_port}"})
    acts = {"consent": consent, "lives": lives, "nothing": lambda: None}
    for line in sys.stdin:
        asked = json.loads(line)
        tell({"id": asked.pop("id"), "result": acts[asked.pop("act")](**asked)})


main()
