import os

from django.core.wsgi import get_wsgi_application

from tracker.memory import arenas_limit

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tracker.settings")
arenas_limit()
application = get_wsgi_application()
