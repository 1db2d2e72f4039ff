import subprocess

from shared.program import module_command


def test_a_module_runs_as_a_program_with_its_arguments():
    command = module_command("json.tool", "--compact")
    done = subprocess.run(command, input=b'{"a": [1, 2]}', capture_output=True, check=True)
    assert done.stdout.strip() == b'{"a":[1,2]}'
