"""The settings of a training that every neural model has: how long, how fast, where, on whom it is tried."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from tailorbird.retrieval.deep.device import Wanted

Epochs = Annotated[int, Field(ge=1, description="at most")]
Batch = Annotated[int, Field(ge=1, description="sequences in a step; fewer of long ones")]
Rate = Annotated[float, Field(gt=0)]


class CourseConfig(BaseModel):
    """How a training goes; a model gives those values another default that suit it better."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: Epochs = 100
    patience: int = Field(5, ge=1, description="epochs without a better validation after which training ends")
    validation: int = Field(2_000, ge=0, description="people, and at most a tenth of them, whose last item validates")
    batch: Batch = 256
    learning_rate: Rate = 0.002
    device: Wanted = Field("auto", description="where it is trained; auto: on a GPU where torch sees one")
    checkpoints: str | None = Field(None, description="folder from which a killed training goes on")
    seed: int = 1
