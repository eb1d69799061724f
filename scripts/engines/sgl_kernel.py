"""Stands in for sgl_kernel on a CPU.

The kernels that are published are builds for CUDA. Where torch has no such
operators, SGLang computes with plain torch, but some of its modules import
names from here while they load. Whatever is called raises, so that no figure
can come from a kernel that is not there.
"""


def _absent(name):
    def kernel(*args, **kwargs):
        raise NotImplementedError(f"sgl_kernel.{name}: there are no compiled kernels for this CPU")

    kernel.__name__ = name
    return kernel


def __getattr__(name):
    if name.endswith("_cpu"):
        return _absent(name)
    raise AttributeError(name)
