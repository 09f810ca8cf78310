/* Draws one sound with an exported model by TensorFlow's C API, as a server without Python does.
 *
 * load_model DIR WAVEFORM LABEL WAVEFORM_OP LABEL_OP IMAGE_OP PIXELS
 * WAVEFORM holds float32 samples, nothing else; the picture's bytes are written to PIXELS.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensorflow/c/c_api.h"
#include "tensorflow/c/tf_tstring.h"

static void check(int fine, const char *what, const char *why) {
  if (fine) return;
  fprintf(stderr, "%s: %s\n", what, why);
  exit(1);
}

static void check_status(const TF_Status *status, const char *what) {
  check(TF_GetCode(status) == TF_OK, what, TF_Message(status));
}

static TF_Tensor *read_waveform(const char *path) {
  FILE *file = fopen(path, "rb");
  check(file != NULL, path, "cannot be opened");
  fseek(file, 0, SEEK_END);
  size_t bytes = (size_t)ftell(file);
  rewind(file);
  int64_t shape[] = {1, (int64_t)(bytes / sizeof(float))};
  TF_Tensor *waveform = TF_AllocateTensor(TF_FLOAT, shape, 2, bytes);
  check(fread(TF_TensorData(waveform), 1, bytes, file) == bytes, path, "cannot be read");
  fclose(file);
  return waveform;
}

static TF_Tensor *string_tensor(const char *text) {
  int64_t shape[] = {1};
  TF_Tensor *tensor = TF_AllocateTensor(TF_STRING, shape, 1, sizeof(TF_TString));
  TF_TString *value = TF_TensorData(tensor);
  TF_TString_Init(value);
  TF_TString_Copy(value, text, strlen(text));
  return tensor;
}

static TF_Output first_output(TF_Graph *graph, const char *name) {
  TF_Output output = {TF_GraphOperationByName(graph, name), 0};
  check(output.oper != NULL, name, "no such operation");
  return output;
}

int main(int count, char **words) {
  check(count == 8, "load_model", "expected seven arguments");
  TF_Status *status = TF_NewStatus();
  TF_Graph *graph = TF_NewGraph();
  TF_SessionOptions *options = TF_NewSessionOptions();
  const char *tags[] = {"serve"};
  TF_Session *session =
      TF_LoadSessionFromSavedModel(options, NULL, words[1], tags, 1, graph, NULL, status);
  check_status(status, "loading");

  TF_Output inputs[] = {first_output(graph, words[4]), first_output(graph, words[5])};
  TF_Tensor *values[] = {read_waveform(words[2]), string_tensor(words[3])};
  TF_Output output = first_output(graph, words[6]);
  TF_Tensor *image = NULL;
  TF_SessionRun(session, NULL, inputs, values, 2, &output, &image, 1, NULL, 0, NULL, status);
  check_status(status, "drawing");

  FILE *file = fopen(words[7], "wb");
  check(file != NULL, words[7], "cannot be opened");
  fwrite(TF_TensorData(image), 1, TF_TensorByteSize(image), file);
  check(fclose(file) == 0, words[7], "cannot be written");
  return 0;
}
