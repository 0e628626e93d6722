"""What holds a secret in plain text, and what only looks like it: for the operator's rule and the admission policy."""

from __future__ import annotations

from typing import Any

Predictor = dict[str, Any]
_SECRET = """
HF_TOKEN HUGGING_FACE_HUB_TOKEN HUGGINGFACE_TOKEN HUGGINGFACEHUB_API_TOKEN HUGGINGFACE_HUB_TOKEN hfToken VLLM_API_KEY
OPENAI_API_KEY OPENAI_APIKEY ANTHROPIC_API_KEY COHERE_API_KEY NGC_API_KEY NVIDIA_API_KEY NGC_CLI_API_KEY WANDB_API_KEY
COMET_API_KEY LANGCHAIN_API_KEY DD_API_KEY AZURE_OPENAI_API_KEY API_KEY X-API-Key AWS_SECRET_ACCESS_KEY
AWS_SESSION_TOKEN AWS_CONTAINER_AUTHORIZATION_TOKEN aws.secretAccessKey S3_SECRET_KEY MINIO_SECRET_KEY
MINIO_ROOT_PASSWORD MINIO_ACCESS_KEY AZURE_CLIENT_SECRET AZURE_STORAGE_ACCESS_KEY AZURE_STORAGE_SAS_TOKEN ACCOUNT_KEY
GCP_PRIVATE_KEY SSH_PRIVATE_KEY PRIVATE_KEY_PEM TLS_KEY_PASSPHRASE MLFLOW_TRACKING_PASSWORD MLFLOW_TRACKING_TOKEN
POSTGRES_PASSWORD PGPASSWORD MYSQL_PASSWD REDIS_PASSWORD PASSWORD password SECRET_KEY FLASK_SECRET_KEY JWT_SECRET
CLIENT_SECRET VAULT_TOKEN VAULT_SECRET_ID GITHUB_TOKEN GITLAB_TOKEN CI_JOB_TOKEN TOKEN token ACCESS_TOKEN
REFRESH_TOKEN AUTH_TOKEN BEARER_TOKEN TOKEN_PROD STORAGE_CREDENTIALS DB_CREDENTIAL ENCRYPTION_KEY api-key hf-token
MODELSCOPE_API_TOKEN TS_TOKEN_KEY TORCHSERVE_MANAGEMENT_TOKEN TRITON_RESTRICTED_SECRET
"""
SECRET_NAMES = _SECRET.split()
"""Names of variables and options as model servers have them."""
_HARMLESS = """
TOKENIZER TOKENIZER_PATH TOKENIZER_MODE TOKENIZER_REVISION TOKENIZER_POOL_SIZE TOKENIZERS_PARALLELISM
TIKTOKEN_ENCODINGS_BASE SKIP_TOKENIZER_INIT DETOKENIZER_WORKERS TIKTOKEN_CACHE_DIR HF_HUB_OFFLINE HF_HOME
HF_HUB_ENABLE_HF_TRANSFER MAX_TOKENS MAX_NEW_TOKENS MAX_INPUT_TOKENS MAX_TOTAL_TOKENS MAX_BATCH_TOTAL_TOKENS
MAX_BATCH_PREFILL_TOKENS MIN_TOKENS VLLM_MAX_NUM_BATCHED_TOKENS max-num-batched-tokens MAX_TOKEN_LENGTH TOKEN_LIMIT
TOKENS_PER_SECOND MAX_TOKEN_COUNT PAD_TOKEN PAD_TOKEN_ID EOS_TOKEN EOS_TOKEN_ID BOS_TOKEN_ID IMAGE_TOKEN_INDEX
STOP_TOKEN TOKEN_CLASSIFICATION SPECIAL_TOKENS_MAP AWS_ACCESS_KEY_ID AWS_WEB_IDENTITY_TOKEN_FILE
AWS_SHARED_CREDENTIALS_FILE AWS_CONTAINER_CREDENTIALS_RELATIVE_URI AWS_CONTAINER_CREDENTIALS_FULL_URI
AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE AZURE_FEDERATED_TOKEN_FILE AZURE_CLIENT_ID GOOGLE_APPLICATION_CREDENTIALS
HF_TOKEN_PATH POSTGRES_PASSWORD_FILE SSL_KEY_FILE VAULT_TOKEN_PATH SECRET_NAME secretName S3_SECRET_NAME secretKeyRef
TOKEN_URL TOKEN_ENDPOINT TOKEN_TYPE PASSWORD_POLICY SECRETS_DIR SECRET_MOUNT_PATH STORAGE_URI STORAGE_CONFIG
S3_ENDPOINT S3_USE_HTTPS AWS_REGION AWS_DEFAULT_REGION MLSERVER_MODEL_NAME MLSERVER_MODEL_URI
MLSERVER_PARALLEL_WORKERS MLSERVER_HTTP_PORT MLSERVER_MODEL_IMPLEMENTATION VLLM_USE_V1 VLLM_ATTENTION_BACKEND
VLLM_LOGGING_LEVEL VLLM_WORKER_MULTIPROC_METHOD VLLM_CACHE_ROOT VLLM_TARGET_DEVICE TRITON_SERVER_FLAGS
TRITON_CLOUD_CREDENTIAL_PATH CUDA_VISIBLE_DEVICES NVIDIA_VISIBLE_DEVICES NCCL_DEBUG LD_LIBRARY_PATH OMP_NUM_THREADS
OPENBLAS_NUM_THREADS SKLEARN_WORKING_MEMORY PYTHONPATH PREDICT_PROBA JOBLIB_TEMP_FOLDER KEY_PREFIX PRIMARY_KEY
CACHE_KEY PARTITION_KEY MONKEY DISABLE_AUTH PASSTHROUGH COMPASS
"""
HARMLESS_NAMES = _HARMLESS.split()
HARMLESS_VALUES = ["true", "False", "0", "1", "off", "None", "EMPTY", "$(HF_TOKEN)", "$(db.password-1)"]
"""Whatever the name is."""
OTHER_VALUES = ["hunter2", "2", "trues", "$HF_TOKEN", "$(A)b", "a$(A)", "true\nabc"]
SECRET_URIS = [
    "https://ana:hunter2@models.example.com/fraud",
    "postgres://ana:$ecret@db/features",
    "postgres://:hunter2@db/features",
    "https://b.s3.amazonaws.com/m?X-Amz-Date=1&X-Amz-Signature=abc",
    "https://storage.googleapis.com/b/m?x-goog-signature=abc",
    "https://acc.blob.core.windows.net/c/m?sv=2024&sig=abc%3D",
    "https://models.example.com/m?token=abc",
    "http://proxy:1 http://a:b@c",
]
PLAIN_URIS = [
    "s3://models/fraud/42",
    "hf://meta-llama/Llama-3.1-8B-Instruct:main",
    "oci://registry.example.com:5000/models/fraud@sha256:0123",
    "pvc://models/fraud",
    "gs://kfserving-examples/models/sklearn/1.0/model",
    "https://acc.blob.core.windows.net/c/m?sv=2024",
    "https://models.example.com/m?tokens=5&sigma=2",
    "http://proxy.example.com:3128",
    "git+ssh://git@example.com/models.git",
    "postgres://ana:$(DB_PASSWORD)@db/features",
    "https://models.example.com/m?token=$(TOKEN)",
    "https://models.example.com/a:b/c@d",
]


def env(name: str, value: Any = "hunter2", **more: Any) -> Predictor:
    """A model with a variable beside another one."""
    return {"model": {"env": [{"name": "OMP_NUM_THREADS", "value": "1"}, {"name": name, "value": value, **more}]}}


def args(*arguments: str) -> Predictor:
    """A model with a command line."""
    return {"model": {"args": list(arguments)}}


def stored(**parameters: Any) -> Predictor:
    """A model that overrides parts of KServe's storage Secret."""
    return {"model": {"storage": {"key": "s3", "parameters": {"type": "s3", **parameters}}}}


def container(**fields: Any) -> Predictor:
    """A container of one's own."""
    return {"containers": [{"name": "kserve-container", **fields}]}


def beside(**fields: Any) -> Predictor:
    """An init container beside the model."""
    return {"model": {}, "initContainers": [{"name": "first", **fields}]}


FROM = {"secretKeyRef": {"name": "hf", "key": "token"}}
NAMED: list[tuple[Predictor, str]] = [
    (stored(secret_access_key="hunter2"), "secret_access_key"),
    (env("HF_TOKEN"), "HF_TOKEN"),
    (container(env=[{"name": "DB_PASSWORD", "value": "hunter2"}]), "DB_PASSWORD"),
    (beside(env=[{"name": "api_key", "value": "hunter2"}]), "api_key"),
    ({"model": {}, "sklearn": {"env": [{"name": "HF_TOKEN", "value": "hunter2"}]}}, "HF_TOKEN"),
    (args("--api-key=hunter2"), "--api-key"),
    (args("--x", "-api_key=hunter2=", "--y"), "-api_key"),
    (args("--hf-token", "hunter2"), "--hf-token"),
    (args("--api-key", "$(A)", "--api-key", "hunter2", "--z"), "--api-key"),
    (container(command=["serve", "--hf-token", "hunter2", "model"]), "--hf-token"),
    (container(command=["serve"], args=["--password=hunter2"]), "--password"),
]
"""A secret in plain text, and the name under which it stands."""
IN_A_URI: list[Predictor] = [
    env("DATABASE_URL", "postgres://ana:hunter2@db/f"),
    container(env=[{"name": "SOURCE", "value": "https://models.example.com/m?sig=hunter2"}]),
    stored(endpoint_url="https://ana:hunter2@minio.example.com"),
    args("--source=https://ana:hunter2@h/x"),
    args("--source", "https://ana:hunter2@h/x"),
    container(command=["sh", "-c", "curl 'https://b.s3.amazonaws.com/m?X-Amz-Signature=hunter2' > m && serve m"]),
]
"""A secret in an address."""
HARMLESS: list[Predictor] = [
    {"model": {}},
    {"model": {"env": None, "args": None}, "initContainers": None},
    {"model": {"storage": None}},
    {"model": {"storage": {"parameters": None}}},
    stored(region="eu", access_key_id="AKIAIOSFODNN7EXAMPLE", endpoint_url="https://minio.example.com"),
    env("HF_TOKEN", None, valueFrom=FROM),
    env("HF_TOKEN", ""),
    env("HF_TOKEN", "$(OTHER)"),
    env("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1"),
    env("MAX_TOKENS", "4096"),
    env("TOKENIZER_PATH", "/mnt/models"),
    env("TOKENIZERS_PARALLELISM", "some"),
    env("AT", "12:00@noon"),
    env("URL", "http://proxy:3128/@team"),
    env("DATABASE_URL", "postgres://ana:$(DB_PASSWORD)@db/f"),
    args("--max-num-batched-tokens=2048", "--api-key", "$(VLLM_API_KEY)", "--api-key", "--tokenizer=x", "-", "token"),
    args("--enable-token", "--token"),
    args("--token="),
    args("serve", "--source=https://ana:$(PASSWORD)@h/x", "--x"),
    container(command=["sh", "-c", 'serve --x "$HF_TOKEN"'], args=["token", "hunter2"]),
]
"""Nothing of it."""
