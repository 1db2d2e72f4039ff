from collections.abc import Iterator

from humanpose3d.errors import HumanPose3DError, InputError


def tree(root: type[HumanPose3DError]) -> Iterator[type[HumanPose3DError]]:
    yield root
    for child in root.__subclasses__():
        yield from tree(child)


def test_input_errors_exit_with_2_and_have_status_4xx():
    for error in tree(InputError):
        assert error.exit_code == 2
        assert 400 <= error.status < 500
