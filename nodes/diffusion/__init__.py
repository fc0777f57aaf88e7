"""The arithmetic of diffusion sampling: noise, schedules, guidance, the loop. No nodes here."""
