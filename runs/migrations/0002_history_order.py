from django.db import migrations

from runs.history.tables import LieTogether


class Migration(migrations.Migration):

    dependencies = [
        ('runs', '0001_initial'),
    ]

    operations = [
        LieTogether('historychunk', ['column_id', 'run_id', 'writer', 'first_line']),
        LieTogether('rollup', ['column_id', 'level', 'run_id', 'segment'], indexed=True),
    ]
