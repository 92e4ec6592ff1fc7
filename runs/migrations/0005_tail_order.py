import django.db.models.deletion
from django.db import migrations, models

from runs.history.tables import LieTogether


class Migration(migrations.Migration):

    dependencies = [
        ('runs', '0004_whole_columns'),
    ]

    operations = [
        migrations.AlterField(
            model_name='historytail',
            name='run',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='runs.run'),
        ),
        LieTogether('historytail', ['run_id', 'stream', 'writer', 'first_line']),
    ]
