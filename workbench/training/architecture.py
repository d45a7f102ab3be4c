"""The built-in model's components: those of Stable Diffusion 1.x, small.

The UNet has 14.5 M parameters and takes 7.6 GFLOP a call at batch 1 and 32x32 latents (256x256 pixels).
"""

from __future__ import annotations

from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

TEXT_WIDTH = 192
TOKENS = 77


def new_vae() -> AutoencoderKL:
    """Factor 8, four latent channels."""
    return AutoencoderKL(
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(32, 64, 128, 128),
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=16,
        sample_size=256,
    )


def new_unet() -> UNet2DConditionModel:
    """Cross attention at 32x32 and 16x16 and in the middle; heads of 32 channels."""
    return UNet2DConditionModel(
        sample_size=32,
        in_channels=4,
        out_channels=4,
        block_out_channels=(96, 128, 192),
        layers_per_block=2,
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=TEXT_WIDTH,
        attention_head_dim=(3, 4, 6),
    )


def new_text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    """Four layers of width 192 over the project's own vocabulary."""
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=TEXT_WIDTH,
        projection_dim=TEXT_WIDTH,
        intermediate_size=4 * TEXT_WIDTH,
        num_hidden_layers=4,
        num_attention_heads=6,
        max_position_embeddings=TOKENS,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return CLIPTextModel(config)


def new_scheduler() -> DDIMScheduler:
    """Scaled-linear betas that end at 0.02, where Stable Diffusion 1.x ends at 0.012.

    At 32x32 latents 0.012 leaves the mean of the latents readable in the last step's noise, and pure noise then
    pulls every background toward grey; 0.02 with trailing timesteps starts from what training saw.
    """
    return DDIMScheduler(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.02,
        beta_schedule="scaled_linear",
        prediction_type="epsilon",
        timestep_spacing="trailing",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    )
