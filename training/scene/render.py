"""Rendering of dressed, posed bodies in a scene, with OpenGL on EGL: without a window, on a GPU where available."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Final, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from humanpose3d.errors import ModelNotFound
from humanpose3d.motion import FloatArray
from training.human.appearance import DressedMesh, Outfit
from training.human.body import PosedBody
from training.scene.backdrop import SKY_LAYER, Backdrop
from training.scene.camera import Camera
from training.scene.textures import SIZE, noise

if TYPE_CHECKING:
    import moderngl

Frame = NDArray[np.uint8]

_NEAR, _FAR = 0.05, 150.0
_SHADOW_PIXELS: Final = 192
_SHADOW_REACH: Final = 1.8
"""Metres around the pelvis that the shadow on the floor covers."""


@dataclass(frozen=True, eq=False)
class Light:
    """direction (3,) toward the sun or lamp; sun, ambient (3,) colours of directional and ambient light."""

    direction: FloatArray
    sun: FloatArray
    ambient: FloatArray
    shadow: float


@dataclass(frozen=True, eq=False)
class Actor:
    """A person in the scene: the body in each pose, its mesh and its clothes."""

    posed: PosedBody
    mesh: DressedMesh
    outfit: Outfit


class Renderer:
    """An OpenGL context and the programs; draws one clip after another. Close it when done.

    Raises ModelNotFound where moderngl is not installed or there is no EGL device.
    """

    def __init__(self) -> None:
        self._gl = _context()
        self._body = self._program("body")
        self._backdrop = self._program("backdrop")
        self._silhouette = self._program("silhouette")
        self._shadow = self._program("shadow")
        grain = (noise(np.random.default_rng(7), 7, 0.75) * 255).astype(np.uint8)
        self._noise = self._texture(grain[..., None])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._gl.release()

    @property
    def device(self) -> str:
        """Name of the renderer: a GPU, or llvmpipe without one."""
        return str(self._gl.info["GL_RENDERER"])

    def frames(self, actors: Sequence[Actor], backdrop: Backdrop, camera: Camera, light: Light) -> Iterator[Frame]:
        """One (height, width, 3) RGB image for each pose; the camera has as many moments as each body has poses."""
        scene = _Scene(self, actors, backdrop, camera, light)
        try:
            yield from scene.draw()
        finally:
            scene.release()

    def _program(self, name: str) -> "moderngl.Program":
        folder = files("training.scene") / "shaders"
        vertex = (folder / f"{name}.vert").read_text(encoding="utf-8")
        return self._gl.program(
            vertex_shader=vertex, fragment_shader=(folder / f"{name}.frag").read_text(encoding="utf-8")
        )

    def _texture(self, values: Frame) -> "moderngl.Texture":
        texture = self._gl.texture(values.shape[1::-1], values.shape[2], np.ascontiguousarray(values).tobytes())
        texture.build_mipmaps()
        texture.filter = (self._gl.LINEAR_MIPMAP_LINEAR, self._gl.LINEAR)
        return texture


def _context() -> "moderngl.Context":
    try:
        import moderngl  # the extra 'train' may be absent; everything else of this module works without
    except ImportError:
        raise ModelNotFound("Rendering needs the extra 'train': pip install 'humanpose3d[train]'.") from None
    try:
        return moderngl.create_context(standalone=True, backend="egl")
    except Exception as error:  # noqa: BLE001 - moderngl raises bare Exception where EGL or its driver is missing
        raise ModelNotFound(
            f"There is no EGL device to render with ({error}). Without a GPU: apt install libegl1 libegl-mesa0 "
            "libgl1-mesa-dri."
        ) from None


class _Held(Protocol):
    def release(self) -> None: ...


_Thing = TypeVar("_Thing", bound=_Held)


@dataclass(frozen=True, eq=False)
class _DrawnBody:
    """A body on the GPU. matrices (T, bones, 4, 3); middles (T, 3) metres, between its hips."""

    outfit: Outfit
    dressed: "moderngl.VertexArray"
    silhouette: "moderngl.VertexArray"
    matrices: NDArray[np.float32]
    middles: FloatArray


class _Scene:
    """GPU resources of one clip."""

    def __init__(
        self,
        renderer: Renderer,
        actors: Sequence[Actor],
        backdrop: Backdrop,
        camera: Camera,
        light: Light,
    ) -> None:
        self._r, self._gl, self._camera, self._light = renderer, renderer._gl, camera, light
        self._still = bool(np.ptp(camera.rotations, axis=0).max() + np.ptp(camera.centres, axis=0).max() < 1e-9)
        self._held: list[_Held] = []
        self._make_buffers()
        self._bodies = [self._load_body(actor) for actor in actors]
        self._load_backdrop(backdrop)

    def release(self) -> None:
        """Release the GPU memory."""
        for thing in reversed(self._held):
            thing.release()

    def _hold(self, thing: _Thing) -> _Thing:
        self._held.append(thing)
        return thing

    def _make_buffers(self) -> None:
        size, gl = self._camera.size, self._gl
        self._target = self._canvas(size)
        self._background = self._canvas(size) if self._still else None
        self._shade = self._hold(gl.texture((_SHADOW_PIXELS, _SHADOW_PIXELS), 1))
        self._shade.filter = (gl.LINEAR_MIPMAP_LINEAR, gl.LINEAR)
        self._shade.repeat_x = self._shade.repeat_y = False
        self._shade_target = self._hold(gl.framebuffer([self._shade]))

    def _canvas(self, size: tuple[int, int]) -> "moderngl.Framebuffer":
        # no multisampling: it takes 50 % longer in software, and the images are blurred anyway
        colour = self._hold(self._gl.renderbuffer(size, 3))
        depth = self._hold(self._gl.depth_renderbuffer(size))
        return self._hold(self._gl.framebuffer([colour], depth))

    def _load_body(self, actor: Actor) -> "_DrawnBody":
        mesh, posed = actor.mesh, actor.posed
        columns = [mesh.positions, mesh.normals, mesh.tints, mesh.garments, mesh.bones, mesh.shares]
        vertices = self._hold(self._gl.buffer(np.concatenate(columns, axis=1).astype("f4").tobytes()))
        index = self._hold(self._gl.buffer(mesh.triangles.astype("i4").tobytes()))
        names = ("position", "normal", "tint", "garments_a", "garments_b", "bones", "shares")
        layout = [(vertices, "3f 3f 3f 3f 4f 4f 4f", *names)]
        body = self._hold(self._gl.vertex_array(self._r._body, layout, index))
        short = [(vertices, "3f 52x 4f 4f", "position", "bones", "shares")]
        silhouette = self._hold(self._gl.vertex_array(self._r._silhouette, short, index))
        matrices = np.concatenate([np.swapaxes(posed.rotations, 2, 3), posed.translations[:, :, None]], axis=2)
        hips = posed.body.head_of("femur_l") * np.array([0.0, 1.0, 1.0])
        middles = posed.carried("Hips", hips[None])[:, 0]
        return _DrawnBody(actor.outfit, body, silhouette, matrices.astype("f4"), middles)

    def _load_backdrop(self, backdrop: Backdrop) -> None:
        vertices = self._hold(self._gl.buffer(backdrop.vertices.astype("f4").tobytes()))
        layout = [(vertices, "3f 3f 2f 1f 3f", "position", "normal", "uv", "layer", "tint")]
        self._place = self._hold(self._gl.vertex_array(self._r._backdrop, layout))
        count = len(backdrop.layers)
        self._layers = self._hold(self._gl.texture_array((SIZE, SIZE, count), 3, backdrop.layers.tobytes()))
        self._layers.build_mipmaps()
        self._layers.filter = (self._gl.LINEAR_MIPMAP_LINEAR, self._gl.LINEAR)
        self._write_light(self._r._backdrop)
        self._r._backdrop["sky_layer"] = float(SKY_LAYER)
        self._floor = self._hold(self._gl.vertex_array(self._r._shadow, []))

    def _write_light(self, program: "moderngl.Program") -> None:
        program["light"].write(self._light.direction.astype("f4").tobytes())
        program["sun"].write(self._light.sun.astype("f4").tobytes())
        program["ambient"].write(self._light.ambient.astype("f4").tobytes())

    def draw(self) -> Iterator[Frame]:
        """The clip, image by image."""
        self._write_light(self._r._body)
        for time in range(len(self._camera.rotations)):
            yield self._draw_one(time)

    def _draw_one(self, time: int) -> Frame:
        view = _view_projection(self._camera, time).astype("f4").T.tobytes()
        self._draw_place(view, first=time == 0)
        for body in self._bodies:
            self._draw_shade(body, time)
            self._draw_shadow(view, body.middles[time])
        for body in self._bodies:
            self._draw_body(view, body, time)
        width, height = self._camera.size
        pixels = self._target.read(components=3, alignment=1)
        return np.frombuffer(pixels, np.uint8).reshape(height, width, 3)

    def _draw_place(self, view: bytes, first: bool) -> None:
        if not self._still or first:
            goal = self._background or self._target
            goal.use()
            goal.clear(0.5, 0.55, 0.6, depth=1.0)
            self._gl.enable_only(self._gl.DEPTH_TEST | self._gl.CULL_FACE)
            self._gl.front_face = "cw"  # images are rendered upside down, so that they are read upright
            self._layers.use(0)
            self._r._backdrop["view"].write(view)
            self._place.render()
        if self._background:
            self._gl.copy_framebuffer(self._target, self._background)

    def _draw_shade(self, body: "_DrawnBody", time: int) -> None:
        middle = body.middles[time]
        self._shade_target.use()
        self._shade_target.clear(0.0)
        self._gl.enable_only(self._gl.CULL_FACE)  # the skin is a closed surface: half of its faces cover all of it
        program = self._r._silhouette
        program["skeleton"].write(body.matrices[time].tobytes())
        program["light"].write(self._light.direction.astype("f4").tobytes())
        program["window"].value = (float(middle[0]), float(middle[2]), _SHADOW_REACH)
        body.silhouette.render()
        self._shade.build_mipmaps(max_level=3)

    def _draw_shadow(self, view: bytes, middle: FloatArray) -> None:
        self._target.use()
        self._gl.enable_only(self._gl.DEPTH_TEST | self._gl.BLEND)
        self._gl.blend_func = self._gl.ZERO, self._gl.SRC_COLOR
        self._gl.depth_func = "<="  # where the shadows of two people overlap, both count
        self._shade.use(0)
        program = self._r._shadow
        program["view"].write(view)
        program["window"].value = (float(middle[0]), float(middle[2]), _SHADOW_REACH)
        program["strength"].value = self._light.shadow
        self._floor.render(vertices=6)
        self._gl.depth_func = "<"

    def _draw_body(self, view: bytes, body: "_DrawnBody", time: int) -> None:
        outfit = body.outfit
        self._gl.enable_only(self._gl.DEPTH_TEST | self._gl.CULL_FACE)
        self._r._noise.use(0)
        program = self._r._body
        program["colours"].write(outfit.colours.astype("f4").tobytes())
        program["patterns"].write(np.column_stack([outfit.patterns, outfit.slack]).astype("f4").tobytes())
        program["skeleton"].write(body.matrices[time].tobytes())
        program["view"].write(view)
        program["eye"].value = tuple(float(value) for value in self._camera.centres[time])
        body.dressed.render()


def _view_projection(camera: Camera, time: int) -> FloatArray:
    """(4, 4) world to clip space, row 0 of the buffer being the top of the image."""
    width, height = camera.size
    rotation = camera.rotations[time]
    view = np.eye(4)
    view[:3, :3], view[:3, 3] = rotation, -rotation @ camera.centres[time]
    depth = (_FAR + _NEAR) / (_FAR - _NEAR)
    projection = np.array(
        [
            [2 * camera.focal / width, 0, 0, 0],
            [0, 2 * camera.focal / height, 0, 0],
            [0, 0, depth, -2 * _FAR * _NEAR / (_FAR - _NEAR)],
            [0, 0, 1, 0],
        ]
    )
    return projection @ view
