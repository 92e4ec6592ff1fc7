from django.db import migrations, models

from runs.history.tables import LieTogether


class Migration(migrations.Migration):

    dependencies = [
        ('runs', '0011_recent_requests'),
    ]

    operations = [
        LieTogether('historychunk', ['column_id', 'run_id', 'writer', 'first_line']),
        LieTogether('rollup', ['column_id', 'level', 'run_id', 'segment'], indexed=True),
        LieTogether('historytail', ['run_id', 'stream', 'writer', 'first_line']),
        migrations.RemoveIndex(
            model_name='historychunk',
            name='runs_histor_column__5e5655_idx',
        ),
        migrations.AddIndex(
            model_name='historychunk',
            index=models.Index(fields=['column', 'run', 'writer', 'first_line', 'first_step', 'last_step'], name='runs_histor_column__7fd06c_idx'),
        ),
    ]
