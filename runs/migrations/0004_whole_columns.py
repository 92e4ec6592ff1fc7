
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('projects', '0001_initial'),
        ('runs', '0003_step_metric_scope'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='columnvalue',
            name='runs_column_column__3f19e6_idx',
        ),
        migrations.RemoveIndex(
            model_name='run',
            name='runs_run_project_7bc20f_idx',
        ),
        migrations.RemoveIndex(
            model_name='run',
            name='runs_run_project_9bb751_idx',
        ),
        migrations.AlterField(
            model_name='columnvalue',
            name='column',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='values', to='runs.column'),
        ),
        migrations.AlterField(
            model_name='columnvalue',
            name='run',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='column_values', to='runs.run'),
        ),
        migrations.AddIndex(
            model_name='columnvalue',
            index=models.Index(fields=['column', 'number', 'run', 'kind'], name='runs_column_column__b0d3ac_idx'),
        ),
        migrations.AddIndex(
            model_name='run',
            index=models.Index(fields=['project', 'deleted_at', 'created_at', 'id', 'changed_at'], name='runs_run_project_89c525_idx'),
        ),
        migrations.AddIndex(
            model_name='run',
            index=models.Index(fields=['project', 'state', 'deleted_at'], name='runs_run_project_753ed9_idx'),
        ),
        migrations.AddIndex(
            model_name='run',
            index=models.Index(condition=models.Q(('group__gt', '')), fields=['project'], name='runs_with_group'),
        ),
    ]
