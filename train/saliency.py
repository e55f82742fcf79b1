"""Where in a face a network looked for a label: Grad-CAM."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def grad_cam(network: nn.Module, faces: Tensor, labels: Tensor) -> Tensor:
    """Return a map (N, h, w) of what spoke for `labels` (N,) in faces (N, 1, S, S); each is 0 to 1, or 0 all over.

    h and w are those of the network's last feature map, 6 for the shipped one: the map is coarse. It shows what the
    output depends on, and not why. Source: Selvaraju et al. 2017 (arXiv 1610.02391).
    """
    maps: list[Tensor] = []

    def keep(_module: nn.Module, _given: tuple[Tensor, ...], out: Tensor) -> None:
        if out.ndim == 4 and min(out.shape[2:]) > 1:
            maps.append(out)

    hooks = [module.register_forward_hook(keep) for module in network.modules()]
    with torch.enable_grad():
        logits = network(faces.requires_grad_())
        for hook in hooks:
            hook.remove()
        (gradient,) = torch.autograd.grad(logits.gather(1, labels[:, None]).sum(), maps[-1])
    heat = (gradient.mean((2, 3), keepdim=True) * maps[-1]).sum(1).relu().detach()
    return heat / heat.amax((1, 2), keepdim=True).clamp(min=1e-12)
